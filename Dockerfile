# syntax=docker/dockerfile:1
# Two targets with the same API: `full` (OpenVINO, torch) serves and converts every network; `slim`
# (OpenVINO only) serves what was converted when the image was built.
#   docker build --target slim -t depth-service:slim .
#   docker build --build-arg DEPTH_MODEL=midas_v21_small_256 -t depth-service:full .
# Behind a proxy pass --build-arg HTTP_PROXY=... HTTPS_PROXY=..., which every builder knows. A private
# package index with a password or a CA of its own goes in by secrets, which leave no trace:
#   --secret id=pipconf,src=pip.conf --secret id=ca,src=ca.crt
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG PIP_INDEX_URL=https://pypi.org/simple
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
SHELL ["/bin/sh", "-eu", "-c"]
WORKDIR /build
COPY deploy/serving.lock ./
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    test ! -s /run/secrets/ca.crt || export PIP_CERT=/run/secrets/ca.crt; \
    python3 -m venv /opt/depth/venv; \
    /opt/depth/venv/bin/pip install --require-hashes --no-deps -r serving.lock
# --build-arg DEPTH_HEIC=1 reads HEIC, by libheif and libde265; mind docs/licences.md.
ARG DEPTH_HEIC=
COPY deploy/heic.lock ./
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    test ! -s /run/secrets/ca.crt || export PIP_CERT=/run/secrets/ca.crt; \
    test -z "$DEPTH_HEIC" \
      || /opt/depth/venv/bin/pip install --require-hashes --no-deps -r heic.lock

FROM packages AS serving
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN /opt/depth/venv/bin/pip install --no-deps --no-build-isolation --no-index .

FROM packages AS torch
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
COPY pyproject.toml deploy/requirements.lock ./
# The CPU-only build where it can be fetched, else the general one, which is larger and works too.
# Either is outside the lock: two builds have the same version and other bytes.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    test ! -s /run/secrets/ca.crt || export PIP_CERT=/run/secrets/ca.crt; \
    /opt/depth/venv/bin/pip install --require-hashes --no-deps -r requirements.lock; \
    sed -n 's/^ *"\(torch\(vision\)\{0,1\}==[^"]*\)".*/\1/p' pyproject.toml > torch.txt; \
    sed 's/$/+cpu/' torch.txt > torch-cpu.txt; \
    /opt/depth/venv/bin/pip install --retries 0 --timeout 15 \
        --index-url "$TORCH_CPU_INDEX" --no-deps -r torch-cpu.txt \
      || echo "The CPU-only build of PyTorch cannot be fetched; installing the general one."; \
    /opt/depth/venv/bin/pip install -r torch.txt

FROM torch AS converted
COPY README.md LICENSE ./
COPY service service
RUN /opt/depth/venv/bin/pip install --no-deps --no-build-isolation --no-index .
# Networks are baked in, verified and converted: a container starts in seconds, offline, read-only.
# For weights of limited use, whoever builds the image accepts their licence by its name.
ARG DEPTH_MODEL=auto
ARG DEPTH_ACCEPT_LICENSES=
ENV DEPTH_WEIGHTS_DIR=/opt/depth/weights DEPTH_CACHE_DIR=/opt/depth/converted
WORKDIR /
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    test ! -s /run/secrets/ca.crt || export SSL_CERT_FILE=/run/secrets/ca.crt; \
    /opt/depth/venv/bin/depth-service models pull "$DEPTH_MODEL"; \
    /opt/depth/venv/bin/depth-service models prepare depth_lite_256 "$DEPTH_MODEL"; \
    rm -f /opt/depth/converted/*.lock; \
    /opt/depth/venv/bin/pip uninstall --yes setuptools pip; \
    chmod -R a+rX "$DEPTH_WEIGHTS_DIR" "$DEPTH_CACHE_DIR"

FROM serving AS trimmed
# What a CPU server never loads: drivers of other devices, readers of other formats, headers.
RUN for package in /opt/depth/venv/lib/python3*/site-packages/openvino; do \
      libs=$package/libs/libopenvino; \
      rm -rf "$package/include" "$package/cmake" "$package/libs/cache.json" \
        "$libs"_intel_gpu* "$libs"_intel_npu* "$libs"_auto* "$libs"_hetero* "$libs"_onnx* \
        "$libs"_paddle* "$libs"_tensorflow* "$libs"_gguf* "$libs"_jax* "$libs"_pytorch*; \
    done; \
    /opt/depth/venv/bin/pip uninstall --yes setuptools pip

FROM ${PYTHON_IMAGE} AS runtime
# tini forwards SIGTERM to the service, which drains by itself, and buries orphaned processes.
# hadolint ignore=DL3008 # the base image's release pins it
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
ARG DEPTH_MODEL=auto
ARG DEPTH_ACCEPT_LICENSES=
ENV PATH=/opt/depth/venv/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp \
    DEPTH_HOST=0.0.0.0 DEPTH_PORT=8000 DEPTH_MODEL=${DEPTH_MODEL} \
    DEPTH_ACCEPT_LICENSES=${DEPTH_ACCEPT_LICENSES} DEPTH_LOG_FORMAT=json \
    DEPTH_WEIGHTS_DIR=/opt/depth/weights DEPTH_CACHE_DIR=/opt/depth/converted
WORKDIR /
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD \
    ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/livez' % os.environ['DEPTH_PORT'], timeout=4)"]
ENTRYPOINT ["tini", "--", "depth-service"]
CMD ["serve"]

FROM runtime AS slim
COPY --from=trimmed /opt/depth/venv /opt/depth/venv
COPY --from=converted /opt/depth/weights /opt/depth/weights
COPY --from=converted /opt/depth/converted /opt/depth/converted

# The last target is the default.
FROM runtime AS full
COPY --from=converted /opt/depth /opt/depth
