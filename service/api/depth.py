"""``POST /v1/depth`` and the demo's ``POST /predict``: a photo in, a depth map out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.deadline import result_in_time
from service.api.metres import CALIBRATION_HEADER, metres_options
from service.api.negotiation import choose_format
from service.api.schemas import (
    ANSWER_HEADERS,
    BINARY,
    CALIBRATION,
    DEPTH_PROBLEMS,
    PREDICT_PROBLEMS,
    DepthJson,
    DepthQuery,
    PredictQuery,
    RequestTimeout,
)
from service.api.sending import HeldResponse
from service.api.upload import IMAGE_BODY, read_image
from service.imaging.encode import MEDIA_TYPES, EncodeOptions
from service.observability.context import RequestRecord
from service.pipeline.depth import DepthOrder
from service.pipeline.estimator import OutputSize
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["depth"])

_HEATMAP_RESPONSE: dict[str, Any] = {
    "description": "The depth map.",
    "headers": ANSWER_HEADERS,
    "content": {"image/png": BINARY},
}
_DEPTH_RESPONSE = _HEATMAP_RESPONSE | {
    "headers": ANSWER_HEADERS | CALIBRATION,
    "content": {
        "image/png": BINARY,
        "application/x-npy": BINARY,
        "application/json": {
            "schema": {"$ref": "#/components/schemas/DepthJson"},
            "example": {
                "model": "depth_lite_256",
                "kind": "relative_inverse_depth",
                "width": 3,
                "height": 2,
                "encoding": "array",
                "depth": [[0.1217, 0.1301, 0.1288], [0.4108, 0.5522, 0.4976]],
            },
        },
    },
}


@router.post(
    "/v1/depth",
    summary="Depth of a photo",
    response_class=Response,
    # Registers the schema that the 200 response refers to.
    responses=DEPTH_PROBLEMS | {200: _DEPTH_RESPONSE | {"model": DepthJson}},
    openapi_extra=IMAGE_BODY,
)
async def depth(
    request: Request,
    query: Annotated[DepthQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Estimate the depth of one photo.

    Send it as the multipart field `image`, or as the body itself. The answer is a heatmap (warm
    and bright is near), a 16-bit PNG, a NumPy array or JSON.
    """
    output = choose_format(query.format, ", ".join(request.headers.getlist("accept")))
    runtime: Runtime = request.app.state.runtime
    options = EncodeOptions(
        output,
        query.colormap,
        query.normalize,
        query.palette,
        query.encoding,
        runtime.settings.max_json_pixels,
    )
    return await _respond(request, query, options, deadline_seconds)


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
    return await _respond(request, DepthQuery(), EncodeOptions(), deadline_seconds)


async def _respond(
    request: Request,
    query: DepthQuery,
    options: EncodeOptions,
    deadline_seconds: float | None,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    spec = runtime.catalog.offer.find(query.model or runtime.settings.model)
    record.model, record.output = spec.name, options.format
    size = query.size or OutputSize.default_of(options.format)
    order = DepthOrder(spec.name, size, options, metres_options(query), query.detail)
    answer, ticket = await result_in_time(
        request,
        deadline_seconds,
        read=lambda ticket: read_image(request, ticket, runtime.settings.max_body_bytes),
        work=lambda data, ticket: runtime.pipeline.run(data, order, ticket, record),
    )
    fit = answer.metres
    calibration = {} if fit is None else {CALIBRATION_HEADER: f"{fit.intercept!r},{fit.slope!r}"}
    return HeldResponse(
        answer.body,
        MEDIA_TYPES[options.format],
        calibration
        | {
            "X-Depth-Model": spec.name,
            "X-Depth-Kind": answer.kind,
            "X-Depth-Min": f"{answer.depth_min:.9g}",
            "X-Depth-Max": f"{answer.depth_max:.9g}",
            "X-Batch-Size": str(answer.batch_size),
            "Server-Timing": record.server_timing(),
        },
        ticket,
        record,
        runtime.settings.send_timeout_seconds,
    )
