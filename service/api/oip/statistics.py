"""The protocol's extension for statistics: what networks have done since the process began.

Specification: Triton's ``docs/protocol/extension_statistics.md``.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.api.oip.metadata import TAG, VERSION, find_version
from service.api.oip.schemas import oip_responses
from service.pipeline.runtime import Runtime
from service.pipeline.statistics import Tally

router = APIRouter(tags=[TAG], prefix="/v2")


class DurationStatistic(BaseModel):
    """How often, and how long altogether."""

    count: int = 0
    ns: int = 0

    @classmethod
    def of(cls, tally: Tally) -> DurationStatistic:
        """The same in nanoseconds."""
        return cls(count=tally.count, ns=round(1e9 * tally.seconds))


class _Compute(BaseModel):
    compute_input: DurationStatistic = Field(
        DurationStatistic(), description="Decoding and transforming; never of a whole batch."
    )
    compute_infer: DurationStatistic
    compute_output: DurationStatistic = Field(
        DurationStatistic(), description="0: what is made of depth is not the network's."
    )


class InferenceStatistics(_Compute):
    """What the images that the network was asked for went through."""

    success: DurationStatistic = Field(description="From the wait for a turn to the depth.")
    fail: DurationStatistic = Field(
        description="Not decodable, failed by the network, past the deadline, or left by the "
        "client."
    )
    queue: DurationStatistic
    cache_hit: DurationStatistic = Field(DurationStatistic(), description="0: there is no cache.")
    cache_miss: DurationStatistic = Field(DurationStatistic(), description="0, too.")


class BatchStatistics(_Compute):
    """The calls of the network with as many inputs."""

    batch_size: int


class ModelStatistics(BaseModel):
    """What one network has done since the process began."""

    name: str
    version: str
    last_inference: int = Field(description="Milliseconds since 1970; 0 before the first.")
    inference_count: int = Field(description="Inputs that the network answered.")
    execution_count: int = Field(description="Calls that it answered them in.")
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class Statistics(BaseModel):
    """Of one network, or of all that are served."""

    model_stats: list[ModelStatistics]


@router.get("/models/stats", summary="Statistics of all models", responses=oip_responses(401))
async def oip_statistics(request: Request) -> Statistics:
    """Say what every network that is served has done."""
    runtime: Runtime = request.app.state.runtime
    names = [spec.name for spec in runtime.catalog.served.specs]
    return Statistics(model_stats=[_statistics(runtime, name) for name in names])


@router.get(
    "/models/{name}/stats", summary="Model statistics", responses=oip_responses(401, 404, 422)
)
@router.get(
    "/models/{name}/versions/{version}/stats",
    name="oip_model_version_statistics",
    summary="Model statistics of a version",
    responses=oip_responses(401, 404, 422),
)
async def oip_model_statistics(request: Request, name: str, version: str = VERSION) -> Statistics:
    """Say what a network has done, whatever way its images came in."""
    runtime: Runtime = request.app.state.runtime
    spec = find_version(runtime, name, version)
    return Statistics(model_stats=[_statistics(runtime, spec.name)])


def _statistics(runtime: Runtime, name: str) -> ModelStatistics:
    network = runtime.workshop.statistics[name]
    executions = sorted(network.executions.items())
    return ModelStatistics(
        name=name,
        version=VERSION,
        last_inference=round(1000 * network.last_execution),
        inference_count=sum(size * calls.count for size, calls in executions),
        execution_count=sum(calls.count for _, calls in executions),
        inference_stats=InferenceStatistics(
            success=DurationStatistic.of(network.success),
            fail=DurationStatistic.of(network.failure),
            queue=DurationStatistic.of(network.queue),
            compute_input=DurationStatistic.of(network.preparation),
            compute_infer=DurationStatistic.of(network.inference),
        ),
        batch_stats=[
            BatchStatistics(batch_size=size, compute_infer=DurationStatistic.of(calls))
            for size, calls in executions
        ],
    )
