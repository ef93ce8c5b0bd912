"""``POST /v1/effects/...``: a photo in, what its depth is good for out; a route for each record."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.answers import respond
from service.api.effects.queries import EffectQuery, query_of
from service.api.headers import (
    CALIBRATION_HEADER,
    CAMERA_HEADER,
    DEPTH_HEADERS,
    FILE_NAME_HEADER,
    documented,
)
from service.api.photo_route import PhotoRoute
from service.api.schemas import BINARY, NETWORK_PROBLEMS, RequestTimeout, binary_content
from service.api.upload import Upload, read_image_and_depth
from service.api.upload_schema import IMAGE_AND_DEPTH_BODY
from service.effects.catalog import EFFECTS
from service.effects.record import Effect
from service.errors import InvalidParameter
from service.geometry.camera import CameraOptions
from service.imaging import archive
from service.imaging.depth_map import UPLOADED
from service.imaging.uploaded_depth import DepthMeaning
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer
from service.pipeline.effect import EffectOrder, UploadedDepth
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["effects"], route_class=PhotoRoute)


def _documented(effect: Effect[Any], format: str | None) -> dict[int | str, dict[str, Any]]:
    """What an effect's route says of its answers, in all formats or in one."""
    camera = [CAMERA_HEADER] if issubclass(effect.options, CameraOptions) else []
    answer: dict[str, Any] = {
        "description": "The effect.",
        "headers": documented(*DEPTH_HEADERS, CALIBRATION_HEADER, FILE_NAME_HEADER, *camera),
    }
    if format is None and effect.report is not None:
        answer["content"] = dict.fromkeys(effect.media_types.values(), BINARY)
        answer["content"]["application/json"] = {"example": effect.example}
        answer["model"] = effect.report
    else:
        formats = effect.media_types if format is None else [format]
        several = [] if effect.zipped is None else [archive.MEDIA_TYPE]
        types = (effect.media_types[name] for name in formats)
        answer["content"] = binary_content([*types, *several])
    return NETWORK_PROBLEMS | {200: answer}


def _endpoint(effect: Effect[Any], format: str | None) -> Callable[..., Awaitable[Response]]:
    """The function that answers for one effect, in any format or in one."""

    async def endpoint(
        request: Request, query: EffectQuery, deadline_seconds: float | None = None
    ) -> Response:
        return await _respond(request, effect, query, deadline_seconds)

    # FastAPI reads a route's parameters off its signature, which is this effect's own.
    endpoint.__annotations__ |= {
        "query": Annotated[query_of(effect, format), Query()],
        "deadline_seconds": RequestTimeout,
        "request": Request,
        "return": Response,
    }
    return endpoint


def _add_route(effect: Effect[Any], format: str | None = None) -> None:
    router.add_api_route(
        effect.path if format is None else f"{effect.path}.{format}",
        _endpoint(effect, format),
        methods=["POST"],
        name=effect.name if format is None else f"{effect.name}_{format}",
        summary=effect.summary if format is None else f"{effect.summary} as {format.upper()}",
        description=effect.description,
        response_class=Response,
        responses=_documented(effect, format),
        openapi_extra=IMAGE_AND_DEPTH_BODY,
    )


for _effect in EFFECTS.values():
    _add_route(_effect)
    if _effect.report is not None:
        # A generated client takes every answer for JSON that may be JSON.
        for _format, _media_type in _effect.media_types.items():
            if _media_type != "application/json":
                _add_route(_effect, _format)


async def _respond(
    request: Request, effect: Effect[Any], query: EffectQuery, deadline_seconds: float | None
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    spec = runtime.catalog.served.choose(query.choice)
    order = EffectOrder(spec, effect, query, query.metres, query.near, query.far)
    order.check_camera()
    record.model, record.output = spec.name, order.format

    async def work(upload: Upload, ticket: Ticket) -> Answer:
        depth = None
        if upload.depth is not None:
            record.model = UPLOADED
            depth = UploadedDepth(upload.depth, query.meaning)
        elif query.meaning != DepthMeaning():
            raise InvalidParameter(
                "depth_kind, depth_scale and invalid are of an uploaded depth map, and there is "
                "none."
            )
        else:
            order.check()
        return await runtime.effects.run(upload.image, depth, order, ticket, record)

    return await respond(
        request,
        deadline_seconds,
        read=functools.partial(read_image_and_depth, request),
        work=work,
    )
