"""``POST /v1/compare``: a photo in, what several networks make of it out."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api.answers import respond
from service.api.headers import documented
from service.api.photo_route import PhotoRoute
from service.api.schemas import DEPTH_PROBLEMS, RequestTimeout, binary_content
from service.api.upload import read_image
from service.api.upload_schema import IMAGE_BODY
from service.errors import InvalidParameter
from service.imaging.render import Colormap
from service.models.spec import Quality
from service.observability.context import RequestRecord
from service.pipeline.comparison import MEDIA_TYPES, ComparisonFormat, ComparisonOrder
from service.pipeline.estimator import OutputSize
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["depth"], route_class=PhotoRoute)

_MOST_MODELS = 8
_NAME = "[a-z0-9_]{1,64}"
_RESPONSE: dict[str, Any] = {
    "description": "The comparison.",
    "headers": documented("X-Request-ID", "Server-Timing", "X-Inference-Milliseconds"),
    "content": binary_content(MEDIA_TYPES.values()),
}


class CompareQuery(BaseModel):
    """Query parameters of ``POST /v1/compare``; an unknown one is refused, as it may be a typo."""

    model_config = ConfigDict(extra="forbid")

    models: str = Field(
        pattern=f"^{_NAME}(?:,{_NAME}){{1,{_MOST_MODELS - 1}}}$",
        description=f"2 to {_MOST_MODELS} names of `/v1/models` with commas.",
        examples=["depth_lite_256,midas_v21_small_256"],
    )
    format: ComparisonFormat = Field(
        ComparisonFormat.PNG,
        description="`png`: the photo and all heatmaps on one sheet; `zip`: an NPY a network, and "
        "a table in `comparison.json`.",
    )
    colormap: Colormap = Field(Colormap.INFERNO, description="Colours of the heatmaps.")
    size: OutputSize = Field(OutputSize.ORIGINAL, description="Of the maps in the ZIP.")
    quality: Quality | None = Field(
        None, description="Size of each network's input, by a name. Default: its usual one."
    )


@router.post(
    "/v1/compare",
    summary="Compare networks",
    response_class=Response,
    responses=DEPTH_PROBLEMS | {200: _RESPONSE},
    openapi_extra=IMAGE_BODY,
)
async def compare(
    request: Request,
    query: Annotated[CompareQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Run one photo through several networks.

    They run one after the other, so large ones may need a longer `X-Request-Timeout`; a network
    that is not loaded yet is loaded first.
    """
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    names = tuple(query.models.split(","))
    if len(set(names)) < len(names):
        raise InvalidParameter("models: each network may be named once.")
    for name in names:
        runtime.catalog.served.find(name)
    record.model, record.output = "several", query.format
    order = ComparisonOrder(names, query.format, query.colormap, query.size, query.quality)
    return await respond(
        request,
        deadline_seconds,
        read=functools.partial(read_image, request),
        work=lambda data, ticket: runtime.comparison.run(data, order, ticket, record),
    )
