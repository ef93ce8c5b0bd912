"""``GET /v1/models``: what is served, under which licence, by which engine."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request

from service.api.schemas import (
    InputSize,
    ModelInfo,
    ModelList,
    Resolution,
    ResolutionRange,
    problem_responses,
)
from service.errors import ModelNotFound, Unauthorized
from service.inference.engines.selection import loaded_bytes
from service.models.choice import NetworkChoice
from service.models.spec import NetworkSpec, Quality
from service.models.weights import WeightsStore
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["models"], prefix="/v1/models")


@router.get("", summary="All networks", responses=problem_responses(Unauthorized))
async def list_models(request: Request) -> ModelList:
    """List the networks this service knows, loaded or not."""
    runtime: Runtime = request.app.state.runtime
    served = runtime.catalog.served
    return ModelList(models=[_describe(spec.name, runtime) for spec in served.specs])


@router.get(
    "/{name}", summary="One network", responses=problem_responses(Unauthorized, ModelNotFound)
)
async def show_model(request: Request, name: str) -> ModelInfo:
    """Describe one network."""
    runtime: Runtime = request.app.state.runtime
    return _describe(name, runtime)


def _describe(name: str, runtime: Runtime) -> ModelInfo:
    spec = runtime.catalog.served.choose(NetworkChoice(name))
    loaded = runtime.catalog.loaded(spec.name)
    state: Literal["loaded", "available", "missing"] = "missing"
    if loaded:
        state = "loaded"
    elif WeightsStore(runtime.settings.weights_dir).origin(spec):
        state = "available"
    rule = spec.input_rule
    return ModelInfo(
        name=spec.name,
        title=spec.title,
        default=spec.name == runtime.catalog.served.default,
        state=state,
        kind=spec.kind,
        unit=spec.kind.unit,
        licence=spec.licence,
        licence_accepted=runtime.catalog.served.accepts(spec),
        source=spec.source,
        parameters=spec.parameters,
        gflop=spec.gflop,
        memory_mb=round(loaded_bytes(spec, runtime.settings) / 1e6, 1),
        input=InputSize(
            target=rule.target,
            multiple_of=rule.multiple,
            target_width=rule.target_width,
            fit=rule.fit,
        ),
        resolutions=_resolutions(spec),
        qualities={quality: spec.at_quality(quality).gflop for quality in Quality},
        enlarge=spec.enlarge,
        weights_origin=loaded.weights.origin.value if loaded else None,
        weights_sha256=loaded.weights.sha256 if loaded else spec.weights.sha256,
        engine=loaded.engine.name if loaded else None,
        precision=loaded.engine.precision if loaded else None,
        parity=loaded.parity.mean if loaded else None,
    )


def _resolutions(spec: NetworkSpec) -> ResolutionRange | None:
    sizes = spec.resolutions
    if sizes is None:
        return None
    return ResolutionRange(
        **{
            name: Resolution(resolution=size, gflop=spec.at(size).gflop)
            for name in ResolutionRange.model_fields
            if (size := getattr(sizes, name))
        }
    )
