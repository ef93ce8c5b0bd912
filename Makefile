# The one entry for people, pre-commit and CI. `make serve` and `make test` do all the set-up.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
SLIM := .venv-slim

.PHONY: help setup serve serve-slim test test-hostile test-networks test-busy test-newest test-bulk \
    test-clients lint format openapi check-openapi bench soak fuzz train supply lock audit sbom licences \
    check-image clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed  ## Create .venv of what the lock says (once; again when that changes)

$(VENV)/.installed: pyproject.toml deploy/dev.lock
	@echo "Setting up $(VENV), once: a few minutes and 2 to 7 GB, most of it PyTorch."
	@echo "(To serve the embedded network alone: make serve-slim, less than a minute and 0.5 GB.)"
	@$(PYTHON) deploy/environment.py $(VENV) deploy/dev.lock --torch $(TORCH_CPU_INDEX)
	@$(PY) -c "import timm, torchvision, cv2"
	@echo "Converting the network for this machine ..."
	@$(PY) -m service models pull auto
	@$(PY) -m service models prepare
	@touch $@

# Whoever installs more keeps the versions of the lock.
CONSTRAINTS := $(VENV)/constraints.txt
$(CONSTRAINTS): $(VENV)/.installed
	@sed -nE 's/^([a-z0-9-]+==[^ ]+).*/\1/p' deploy/dev.lock > $@
with = $(PY) -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$(1)]'

serve: setup  ## Serve on http://127.0.0.1:8000 (DEPTH_HOST, DEPTH_PORT)
	$(PY) -m service serve

serve-slim: $(SLIM)/.installed  ## The same with the embedded network alone, without PyTorch (0.5 GB)
	$(SLIM)/bin/python -m service serve

$(SLIM)/.installed: pyproject.toml deploy/serving.lock
	@echo "Setting up $(SLIM), once: less than a minute and 0.5 GB."
	@$(PYTHON) deploy/environment.py $(SLIM) deploy/serving.lock
	@touch $@

# A file's tests stay together: they share servers. One process more than there are cores, as tests
# wait, and four at most, as each grows to 2 or 3 GB with torch's networks.
PROCESSES = $(shell $(PYTHON) -c "import os; print(min(4, 1 + (os.cpu_count() or 1)))")
SIDE_BY_SIDE = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
test: setup  ## Run all tests, side by side on the machine's cores (PYTEST_ARGS=...)
	$(PY) -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)

test-hostile: setup  ## All hostile images and examples, and ten rolling restarts: the gate has a part
	TEST_WHOLE=1 $(PY) -m pytest $(SIDE_BY_SIDE) tests/hostile tests/integration/test_replicas.py \
	    $(PYTEST_ARGS)
	TEST_WHOLE=1 $(PY) -m pytest -m hypothesis tests/unit

test-networks: setup  ## All networks against numbers of the official code; the gate leaves out the largest
	TEST_WHOLE=1 $(PY) -m pytest tests/unit/networks $(PYTEST_ARGS)

# A loop a core: what passes beside them does not depend on the machine's speed.
test-busy: setup  ## Run all tests beside as many busy loops as there are cores
	@loops=; trap 'kill $$loops' EXIT; \
	for core in $$(seq $$(nproc)); do $(PY) -c "while True: pass" & loops="$$loops $$!"; done; \
	$(PY) -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS) && echo "Beside $$(nproc) busy loops: all passed."

lint: setup  ## ruff, mypy and bandit
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m bandit --quiet --recursive service --severity-level medium

format: setup  ## Format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

openapi: setup  ## Write openapi/openapi.json from the app
	$(PY) -m service openapi > openapi/openapi.json

check-openapi: setup  ## Fail when openapi/openapi.json differs from the app
	$(PY) -m service openapi | diff -u openapi/openapi.json -
	$(PY) -m openapi_spec_validator openapi/openapi.json

bench: setup $(CONSTRAINTS)  ## All benchmarks, each beside alternatives in the same run (25 minutes)
	$(call with,bench)
	for name in bench "bench --model midas_v21_small_256" engines int8 encoders isolation \
	    startup effects frameworks memory load refusals fairness replicas; do \
	  $(PY) -m load_tests.$$name || exit 1; done

MINUTES ?= 10
soak: setup  ## MINUTES (10) of mixed traffic, one in twenty hostile: nothing may grow
	$(PY) -m load_tests.soak --minutes $(MINUTES)

SECONDS ?= 60
fuzz: setup $(CONSTRAINTS)  ## Fuzz the decoder, guided by coverage (SECONDS=60)
	$(call with,fuzz)
	$(PY) -m tests.fuzz.fuzz_decode -max_total_time=$(SECONDS) -max_len=16384 -timeout=10 \
	    -rss_limit_mb=2048 -print_final_stats=1

STEPS ?= 2500
# Memory that is freed stays with the process, in huge pages: with the batches made in one thread it
# took a step on two cores from 3.5 to 2.6 s.
TRAIN_MEMORY := GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:$\
    glibc.malloc.trim_threshold=8589934592
train: setup $(CONSTRAINTS)  ## Train the embedded network anew: PHOTOS=folder TEACHER=file.onnx (STEPS=2500 TRAIN_ARGS=...)
	$(call with,train)
	$(TRAIN_MEMORY) $(PY) -m training all "$(or $(PHOTOS),$(error PHOTOS=folder is missing))" \
	    "$(or $(TEACHER),$(error TEACHER=file.onnx is missing))" --steps $(STEPS) $(TRAIN_ARGS)

# PyTorch comes from its own index for CPUs, whose labels the lock could not name; the rest is what
# its general build alone needs.
CUDA := cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cupti cuda-nvrtc \
    cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 \
    nvjitlink nvshmem-cu13 nvtx)
# One version of each package for every Python from 3.11 and every system.
COMPILE := $(PY) -m uv pip compile --universal --fork-strategy fewest --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet \
    $(addprefix --no-emit-package ,torch torchvision triton $(CUDA))
# What the slim image has, in the same versions: all but torch's. setuptools builds our own package.
SERVING := import re, tomllib; every = tomllib.load(open("pyproject.toml", "rb")); \
    print("setuptools", *(r for r in every["project"]["dependencies"] \
    if not re.match("torch|timm", r)), sep="\n")
supply: setup $(CONSTRAINTS)
	@$(call with,supply)

lock: setup  ## Move on: write deploy/*.lock, versions and hashes of what is installed anywhere
	echo setuptools | $(COMPILE) pyproject.toml - --extra dev --upgrade --output-file deploy/dev.lock
	echo setuptools | $(COMPILE) pyproject.toml - --constraint deploy/dev.lock \
	    --output-file deploy/requirements.lock
	grep '^pillow-heif' deploy/dev.lock | cut -d' ' -f1 | $(COMPILE) - --no-deps \
	    --output-file deploy/heic.lock
	$(PY) -c '$(SERVING)' | $(COMPILE) - --constraint deploy/dev.lock --output-file deploy/serving.lock

NEWEST := .venv-newest
test-newest: setup  ## Say whether the newest versions of what is locked break nothing
	@echo setuptools | $(COMPILE) pyproject.toml - --extra dev --upgrade \
	    --output-file $(VENV)/newest.lock
	@$(PYTHON) deploy/environment.py $(NEWEST) $(VENV)/newest.lock --over $(VENV) deploy/dev.lock
	@test ! -x $(NEWEST)/bin/python || { $(NEWEST)/bin/python -m pytest $(SIDE_BY_SIDE) \
	    $(addprefix tests/unit/,api imaging inference observability) tests/integration/test_depth.py \
	    && echo "The newest versions break none of these tests: make lock moves on to them."; }

audit: supply  ## Known vulnerabilities of the locked packages; fails when the data cannot be had
	$(PY) -m pip_audit --strict --require-hashes --disable-pip --requirement deploy/requirements.lock

TORCH_VERSIONS = cd deploy && ../$(PY) -c 'import environment as e; print(*e.torch_requirements(), sep="\n")'

sbom: supply  ## Write sbom-slim.json and sbom-full.json (CycloneDX) of what the images install
	$(PY) -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
	    --output-file sbom-slim.json deploy/serving.lock
	{ cat deploy/requirements.lock; $(TORCH_VERSIONS); } \
	  | $(PY) -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
	    --output-file sbom-full.json -

licences: supply  ## Print the licences of the locked packages
	@$(PY) -m piplicenses --format=markdown --with-urls --with-system --packages torch torchvision \
	    $(shell sed -nE 's/^([a-z0-9-]+)==.*/\1/p' deploy/requirements.lock)

test-bulk: setup $(CONSTRAINTS)  ## Test bulk runs on a local Ray cluster, a worker killed in mid-run
	$(call with,bulk)
	TEST_BULK=1 $(PY) -m pytest tests/integration/test_bulk.py $(PYTEST_ARGS)

test-clients: setup $(CONSTRAINTS)  ## Test clients that openapi-generator makes, too (70 MB with its Java)
	@$(call with,clients)
	TEST_CLIENTS=1 $(PY) -m pytest tests/integration/test_clients.py $(PYTEST_ARGS)

check-image: setup  ## Build both images with buildah and run them (root; 15 minutes, 40 GB)
	deploy/check_image.sh

clean:  ## Remove the environment
	rm -rf $(VENV) $(SLIM) $(NEWEST)
