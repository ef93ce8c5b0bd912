"""The Open Inference Protocol, version 2 (KServe, Triton): what is served, and is it ready.

Specification: https://github.com/kserve/open-inference-protocol. A network is a model of one
version. It takes encoded photos (``image``, BYTES) or ready network inputs (``input``, FP32) and
answers with ``depth`` (FP32) or ``heatmap`` (BYTES, PNG files).
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service import __version__
from service.api.oip.schemas import (
    ModelConfig,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
    TensorConfig,
    TensorMetadata,
    oip_responses,
)
from service.errors import ModelNotFound
from service.models.spec import NetworkSpec
from service.pipeline.runtime import Runtime

TAG = "open inference protocol"
VERSION = "1"
_PLATFORM = "depth"

_INPUTS = [
    TensorMetadata(name="image", datatype="BYTES", shape=[-1]),
    TensorMetadata(name="input", datatype="FP32", shape=[-1, 3, -1, -1]),
]
_OUTPUTS = [
    TensorMetadata(name="depth", datatype="FP32", shape=[-1, -1, -1]),
    TensorMetadata(name="heatmap", datatype="BYTES", shape=[-1]),
]

probes = APIRouter(tags=[TAG], prefix="/v2/health")
router = APIRouter(tags=[TAG], prefix="/v2")


@probes.get("/live", summary="Server live", responses={503: {"model": ServerLive}})
async def oip_live(request: Request, response: Response) -> ServerLive:
    """Say 503 when the process should be restarted."""
    runtime: Runtime = request.app.state.runtime
    live = runtime.is_live()
    response.status_code = 200 if live else 503
    return ServerLive(live=live)


@probes.get("/ready", summary="Server ready", responses={503: {"model": ServerReady}})
async def oip_ready(request: Request, response: Response) -> ServerReady:
    """Say 503 while shutting down, or when not live."""
    runtime: Runtime = request.app.state.runtime
    ready = runtime.is_ready()
    response.status_code = 200 if ready else 503
    return ServerReady(ready=ready)


@router.get("", summary="Server metadata", responses=oip_responses(401))
async def oip_server() -> ServerMetadata:
    """Name the server and the extensions of the protocol it knows."""
    return ServerMetadata(
        name="depth-service",
        version=__version__,
        extensions=["binary_tensor_data", "model_configuration", "statistics"],
    )


@router.get("/models/{name}", summary="Model metadata", responses=oip_responses(401, 404, 422))
@router.get(
    "/models/{name}/versions/{version}",
    name="oip_model_version",
    summary="Model metadata of a version",
    responses=oip_responses(401, 404, 422),
)
async def oip_model(request: Request, name: str, version: str = VERSION) -> ModelMetadata:
    """Describe a network's tensors."""
    spec = find_version(request.app.state.runtime, name, version)
    return ModelMetadata(
        name=spec.name, versions=[VERSION], platform=_PLATFORM, inputs=_INPUTS, outputs=_OUTPUTS
    )


@router.get(
    "/models/{name}/config", summary="Model configuration", responses=oip_responses(401, 404, 422)
)
@router.get(
    "/models/{name}/versions/{version}/config",
    name="oip_model_version_config",
    summary="Model configuration of a version",
    responses=oip_responses(401, 404, 422),
)
async def oip_model_config(request: Request, name: str, version: str = VERSION) -> ModelConfig:
    """Describe a network as Triton does; `perf_analyzer` asks for it."""
    spec = find_version(request.app.state.runtime, name, version)
    return ModelConfig(
        name=spec.name,
        platform=_PLATFORM,
        backend=_PLATFORM,
        max_batch_size=0,
        input=[_tensor_config(tensor) for tensor in _INPUTS],
        output=[_tensor_config(tensor) for tensor in _OUTPUTS],
    )


@router.get(
    "/models/{name}/ready",
    summary="Model ready",
    responses=oip_responses(401, 404, 422) | {503: {"model": ModelReady}},
)
@router.get(
    "/models/{name}/versions/{version}/ready",
    name="oip_model_version_ready",
    summary="Version ready",
    responses=oip_responses(401, 404, 422) | {503: {"model": ModelReady}},
)
async def oip_model_ready(
    request: Request, response: Response, name: str, version: str = VERSION
) -> ModelReady:
    """Say 503 unless the server is ready and would take a request for the network."""
    runtime: Runtime = request.app.state.runtime
    spec = find_version(runtime, name, version)
    ready = runtime.is_ready() and runtime.catalog.refusal(spec) is None
    response.status_code = 200 if ready else 503
    return ModelReady(name=spec.name, ready=ready)


def _tensor_config(tensor: TensorMetadata) -> TensorConfig:
    kind = {"BYTES": "TYPE_STRING"}.get(tensor.datatype, f"TYPE_{tensor.datatype}")
    return TensorConfig(name=tensor.name, data_type=kind, dims=tensor.shape)


def find_version(runtime: Runtime, name: str, version: str) -> NetworkSpec:
    """The network of that name; raises :class:`ModelNotFound` for any version but the one."""
    spec = runtime.catalog.served.find(name)
    if version != VERSION:
        raise ModelNotFound(f"There is no such version. Known: {VERSION}.")
    return spec
