"""``POST /v1/depth`` and the demo's ``POST /predict``: a photo in, a depth map out."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.answers import respond
from service.api.depth_query import DepthJsonQuery, DepthQuery
from service.api.headers import CALIBRATION_HEADER, CAMERA_HEADER, DEPTH_HEADERS, documented
from service.api.negotiation import choose_format
from service.api.photo_route import PhotoRoute
from service.api.schemas import (
    DEPTH_PROBLEMS,
    NETWORK_PROBLEMS,
    PREDICT_PROBLEMS,
    DepthJson,
    PredictQuery,
    RequestTimeout,
    binary_content,
)
from service.api.upload import read_image
from service.api.upload_schema import IMAGE_BODY
from service.imaging.formats import FORMATS, OutputFormat
from service.observability.context import RequestRecord
from service.pipeline.depth import DepthOrder
from service.pipeline.estimator import OutputSize
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["depth"], route_class=PhotoRoute)

_HEATMAP_RESPONSE: dict[str, Any] = {
    "description": "The depth map.",
    "headers": documented(*DEPTH_HEADERS),
    "content": binary_content([FORMATS[OutputFormat.HEATMAP].media_type]),
}
_DEPTH_HEADERS = documented(*DEPTH_HEADERS, CALIBRATION_HEADER)
_JSON_TYPE = FORMATS[OutputFormat.JSON].media_type
_JSON_RESPONSE: dict[str, Any] = {
    "model": DepthJson,
    "description": "The depth map.",
    "headers": _DEPTH_HEADERS,
    "content": {
        _JSON_TYPE: {
            "example": {
                "model": "depth_lite_256",
                "kind": "relative_inverse_depth",
                "width": 3,
                "height": 2,
                "encoding": "array",
                "depth": [[0.1217, 0.1301, 0.1288], [0.4108, 0.5522, 0.4976]],
            },
        }
    },
}
# A generated client takes every answer for JSON that may be JSON, or asks for JSON where it may.
# So that it gets what this call answers by default, JSON is one of the others here, and has a call
# of its own, with a type.
_DEPTH_RESPONSE: dict[str, Any] = {
    "description": "The depth map, in one of the formats.",
    "headers": documented(*DEPTH_HEADERS, CALIBRATION_HEADER, CAMERA_HEADER),
    "content": binary_content(
        record.media_type for record in FORMATS.values() if record.media_type != _JSON_TYPE
    )
    | {"application/*": {}},
}


@router.post(
    "/v1/depth",
    summary="Depth of a photo",
    response_class=Response,
    responses=DEPTH_PROBLEMS | {200: _DEPTH_RESPONSE},
    openapi_extra=IMAGE_BODY,
)
async def depth(
    request: Request,
    query: Annotated[DepthQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Estimate the depth of one photo.

    Send it as the multipart field `image`, or as the body itself. The answer is a heatmap (warm
    and bright is near), a 16-bit PNG, a NumPy array or JSON. Of a client that a program made from
    this document it is the file's bytes; `/v1/depth.json` has a type.
    """
    return await _respond(request, query, query.format, deadline_seconds)


@router.post(
    f"/v1/depth{FORMATS[OutputFormat.JSON].suffix}",
    summary="Depth of a photo as JSON",
    response_class=Response,
    responses=NETWORK_PROBLEMS | {200: _JSON_RESPONSE},
    openapi_extra=IMAGE_BODY,
)
async def depth_json(
    request: Request,
    query: Annotated[DepthJsonQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Estimate the depth of one photo: `/v1/depth?format=json`, by an address of its own."""
    return await _respond(request, DepthQuery(**dict(query)), OutputFormat.JSON, deadline_seconds)


@router.post(
    "/predict",
    summary="Heatmap of a photo (the demo's call)",
    response_class=Response,
    responses=PREDICT_PROBLEMS | {200: _HEATMAP_RESPONSE},
    openapi_extra=IMAGE_BODY,
)
async def predict(
    request: Request,
    query: Annotated[PredictQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Colour a photo by nearness: the multipart field `image` in, a PNG out."""
    return await _respond(request, DepthQuery(), OutputFormat.HEATMAP, deadline_seconds)


async def _respond(
    request: Request,
    query: DepthQuery,
    requested: OutputFormat | None,
    deadline_seconds: float | None,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    spec = runtime.catalog.served.choose(query.choice)
    record.model = spec.name
    query.metres.check(spec.kind)
    kind = query.metres.kind_of(spec.kind)
    output = choose_format(requested, ", ".join(request.headers.getlist("accept")), kind)
    record.output = output
    representation = query.representation(output, runtime.settings.max_json_pixels)
    representation.check(kind)
    size = query.size or OutputSize.default_of(output)
    order = DepthOrder(
        *(spec, size, FORMATS[output].media_type, representation.write),
        *(query.metres, query.detail),
        bytes_per_pixel=representation.bytes_per_pixel(spec.kind, in_metres=query.metres.wanted),
        camera=representation.camera,
    )
    return await respond(
        request,
        deadline_seconds,
        read=functools.partial(read_image, request),
        work=lambda data, ticket: runtime.pipeline.run(data, order, ticket, record),
    )
