"""``POST /v1/depth`` and the demo's ``POST /predict``: a photo in, a depth map out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response

from service.api.negotiation import choose_format
from service.api.schemas import (
    DEPTH_PROBLEMS,
    PREDICT_PROBLEMS,
    DepthJson,
    DepthQuery,
    RequestTimeout,
)
from service.api.sending import HeldResponse
from service.api.upload import IMAGE_BODY, read_image
from service.errors import ClientDisconnected, DeadlineExceeded
from service.imaging.encode import MEDIA_TYPES, EncodeOptions, OutputFormat
from service.inference.admission import Ticket
from service.models.registry import find_spec
from service.observability.context import RequestRecord
from service.pipeline import DepthAnswer, DepthOrder, OutputSize
from service.runtime import Runtime

T = TypeVar("T")

router = APIRouter(tags=["depth"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADERS = {
    name: {"description": description, "schema": {"type": kind}}
    for name, kind, description in (
        ("X-Request-ID", "string", "The caller's valid id, or a fresh one."),
        ("X-Depth-Model", "string", "The network that answered."),
        ("X-Depth-Kind", "string", "Meaning of the numbers."),
        ("X-Depth-Min", "number", "Smallest value of the depth map."),
        ("X-Depth-Max", "number", "Largest value of the depth map."),
        ("X-Batch-Size", "integer", "Images that shared the inference call."),
        ("Server-Timing", "string", "Milliseconds: read, decode, queue, inference, encode."),
    )
}
_HEATMAP_RESPONSE: dict[str, Any] = {
    "description": "The depth map.",
    "headers": _HEADERS,
    "content": {"image/png": _BINARY},
}
_DEPTH_RESPONSE = _HEATMAP_RESPONSE | {
    "content": {
        "image/png": _BINARY,
        "application/x-npy": _BINARY,
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
    }
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
    return await _respond(request, query.model, query.size, options, deadline_seconds)


@router.post(
    "/predict",
    summary="Heatmap of a photo (the demo's call)",
    response_class=Response,
    responses=PREDICT_PROBLEMS | {200: _HEATMAP_RESPONSE},
    openapi_extra=IMAGE_BODY,
)
async def predict(request: Request, deadline_seconds: RequestTimeout = None) -> Response:
    """Colour a photo by nearness: the multipart field `image` in, a PNG out."""
    return await _respond(request, None, None, EncodeOptions(), deadline_seconds)


async def _respond(
    request: Request,
    model: str | None,
    size: OutputSize | None,
    options: EncodeOptions,
    deadline_seconds: float | None,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    spec = find_spec(model or runtime.settings.model)
    record.model, record.output = spec.name, options.format
    if size is None:
        json = options.format is OutputFormat.JSON
        size = OutputSize.NETWORK if json else OutputSize.ORIGINAL
    try:
        async with asyncio.timeout(_clipped(runtime, deadline_seconds)):
            answer, ticket = await _answer(
                request, runtime, DepthOrder(spec.name, size, options), record
            )
    except TimeoutError:
        runtime.metrics.deadline_misses.labels(record.stage).inc()
        raise DeadlineExceeded(
            f"The deadline passed during stage {record.stage}; send a smaller image, ask for a "
            "longer X-Request-Timeout, or retry later."
        ) from None
    except ClientDisconnected:
        runtime.metrics.cancelled.labels(record.stage).inc()
        raise
    return HeldResponse(
        answer.body,
        MEDIA_TYPES[options.format],
        {
            "X-Depth-Model": spec.name,
            "X-Depth-Kind": answer.kind,
            "X-Depth-Min": f"{answer.depth_min:.9g}",
            "X-Depth-Max": f"{answer.depth_max:.9g}",
            "X-Batch-Size": str(answer.batch_size),
            "Server-Timing": record.server_timing(),
        },
        ticket,
        runtime.settings.send_timeout_seconds,
    )


async def _answer(
    request: Request,
    runtime: Runtime,
    order: DepthOrder,
    record: RequestRecord,
) -> tuple[DepthAnswer, Ticket]:
    """The answer, and its ticket with a holder that the response will drop."""
    with runtime.admission.open() as ticket:
        with record.timed("read"):
            data = await read_image(request, ticket, runtime.settings.max_body_bytes)
        answer = await _unless_disconnected(
            request, runtime.pipeline.run(data, order, ticket, record)
        )
        ticket.served()
        ticket.hold()
        return answer, ticket


def _clipped(runtime: Runtime, deadline_seconds: float | None) -> float:
    if deadline_seconds is None:
        return runtime.settings.request_timeout_seconds
    return min(deadline_seconds, runtime.settings.max_request_timeout_seconds)


async def _unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client leaves first."""
    task = asyncio.create_task(work)
    watcher = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnected("The client left before the answer was ready.")
    finally:
        watcher.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
