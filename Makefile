# The one entry for people, pre-commit and CI. `make serve` and `make test` do all the set-up.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

# torch and torchvision must match, or `import timm` fails.
TORCH := 2.14.1
TORCHVISION := 0.29.1
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: help setup serve test lint format openapi check-openapi bench soak clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed  ## Create .venv and install (once; again when pyproject.toml changes)

$(VENV)/.installed: pyproject.toml
	@echo "Setting up $(VENV), once: a few minutes and 2 to 7 GB, most of it PyTorch."
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing PyTorch $(TORCH) for CPUs ..."
	@$(PY) -m pip install --quiet --retries 0 --timeout 15 --index-url $(TORCH_CPU_INDEX) \
	    "torch==$(TORCH)+cpu" "torchvision==$(TORCHVISION)+cpu" 2>$(VENV)/torch-cpu.log \
	  || { echo "PyTorch's CPU-only build cannot be fetched ($(VENV)/torch-cpu.log says why);"; \
	       echo "installing the general build, which is larger and works as well ..."; \
	       $(PY) -m pip install --quiet "torch==$(TORCH)" "torchvision==$(TORCHVISION)"; }
	@echo "Installing the service and its tools ..."
	@$(PY) -m pip install --quiet --editable '.[dev]'
	@$(PY) -c "import timm, torchvision, cv2"
	@echo "Converting the network for this machine ..."
	@$(PY) -m service models prepare
	@touch $@

serve: setup  ## Serve on http://127.0.0.1:8000 (DEPTH_HOST, DEPTH_PORT)
	$(PY) -m service serve

test: setup  ## Run all tests
	$(PY) -m pytest $(PYTEST_ARGS)

lint: setup  ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: setup  ## Format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

openapi: setup  ## Write openapi/openapi.json from the app
	$(PY) -m service openapi > openapi/openapi.json

check-openapi: setup  ## Fail when openapi/openapi.json differs from the app
	$(PY) -m service openapi | diff -u openapi/openapi.json -
	$(PY) -m openapi_spec_validator openapi/openapi.json

bench: setup  ## All benchmarks, each beside alternatives in the same run (20 minutes)
	$(PY) -m pip install --quiet --editable ".[dev,bench]"
	for name in bench engines encoders startup frameworks load replicas; do \
	  $(PY) -m load_tests.$$name || exit 1; done

soak: setup  ## Memory over 2,000 requests
	$(PY) -m load_tests.memory

clean:  ## Remove the environment
	rm -rf $(VENV)
