"""``POST /v1/effects/...``: a photo in, what its depth is good for out; a route for each record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.answers import respond
from service.api.effects.queries import EffectQuery, query_of
from service.api.headers import CALIBRATION_HEADER, CAMERA_HEADER, DEPTH_HEADERS, documented
from service.api.photo_route import PhotoRoute
from service.api.schemas import BINARY, PREDICT_PROBLEMS, RequestTimeout, problem_responses
from service.api.upload import Upload, read_image_and_depth
from service.api.upload_schema import IMAGE_AND_DEPTH_BODY
from service.effects.catalog import EFFECTS
from service.effects.record import Effect
from service.errors import InvalidParameter, ModelNotFound
from service.geometry.camera import CameraOptions
from service.imaging.depth_map import UPLOADED
from service.imaging.uploaded_depth import DepthMeaning
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer
from service.pipeline.effect import EffectOrder, UploadedDepth
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["effects"], route_class=PhotoRoute)

_PROBLEMS = problem_responses(ModelNotFound) | PREDICT_PROBLEMS


def _documented(effect: Effect[Any]) -> dict[int | str, dict[str, Any]]:
    """What an effect's route says of its answers."""
    camera = [CAMERA_HEADER] if issubclass(effect.options, CameraOptions) else []
    answer: dict[str, Any] = {
        "description": "The effect.",
        "headers": documented(*DEPTH_HEADERS, CALIBRATION_HEADER, *camera),
        "content": dict.fromkeys(effect.media_types.values(), BINARY),
    }
    if effect.report is not None:
        schema = {"$ref": f"#/components/schemas/{effect.report.__name__}"}
        answer["content"]["application/json"] = {"schema": schema, "example": effect.example}
        answer["model"] = effect.report
    return _PROBLEMS | {200: answer}


def _endpoint(effect: Effect[Any]) -> Callable[..., Awaitable[Response]]:
    """The function that answers for one effect."""

    async def endpoint(
        request: Request, query: EffectQuery, deadline_seconds: float | None = None
    ) -> Response:
        return await _respond(request, effect, query, deadline_seconds)

    # FastAPI reads a route's parameters off its signature, which is this effect's own.
    endpoint.__annotations__ |= {
        "query": Annotated[query_of(effect), Query()],
        "deadline_seconds": RequestTimeout,
        "request": Request,
        "return": Response,
    }
    return endpoint


for _effect in EFFECTS.values():
    router.add_api_route(
        _effect.path,
        _endpoint(_effect),
        methods=["POST"],
        name=_effect.name,
        summary=_effect.summary,
        description=_effect.description,
        response_class=Response,
        responses=_documented(_effect),
        openapi_extra=IMAGE_AND_DEPTH_BODY,
    )


async def _respond(
    request: Request, effect: Effect[Any], query: EffectQuery, deadline_seconds: float | None
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    spec = runtime.catalog.served.choose(query.model, query.resolution, query.quality)
    model = spec.name
    order = EffectOrder(
        *(model, effect, query, query.metres, query.near, query.far),
        resolution=spec.input_rule.target,
    )
    record.model, record.output = model, order.format

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
        return await runtime.effects.run(upload.image, depth, order, ticket, record)

    return await respond(
        request,
        deadline_seconds,
        read=lambda ticket: read_image_and_depth(request, ticket, runtime.settings.max_body_bytes),
        work=work,
    )
