"""``POST /v1/effects/...``: a photo in, what its depth is good for out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.deadline import result_in_time
from service.api.effects.obstacle_report import ObstacleJson
from service.api.effects.orders import (
    PNG_MEDIA_TYPE,
    REPORT_MEDIA_TYPES,
    SURFACE_MEDIA_TYPES,
    Plan,
    plan_obstacle,
    plan_parallax,
    plan_pointcloud,
    plan_portrait,
    plan_relief,
    plan_stereo,
)
from service.api.effects.queries import (
    EffectQuery,
    ObstacleQuery,
    ParallaxQuery,
    PointcloudQuery,
    PortraitQuery,
    ReliefQuery,
    StereoQuery,
)
from service.api.schemas import (
    ANSWER_HEADERS,
    BINARY,
    PREDICT_PROBLEMS,
    RequestTimeout,
    problem_responses,
)
from service.api.sending import HeldResponse
from service.api.upload import IMAGE_AND_DEPTH_BODY, Upload, read_image_and_depth
from service.effects.animation import AnimationFormat
from service.errors import InvalidParameter, ModelNotFound
from service.imaging.picture import PictureFormat
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.effect import UPLOADED, EffectAnswer, UploadedDepth
from service.pipeline.runtime import Runtime

router = APIRouter(tags=["effects"], prefix="/v1/effects")

_PROBLEMS = problem_responses(ModelNotFound) | PREDICT_PROBLEMS
_PICTURES = [format.media_type for format in PictureFormat]
_ANIMATIONS = [format.media_type for format in AnimationFormat]
_REPORT = {
    "schema": {"$ref": "#/components/schemas/ObstacleJson"},
    "example": {
        "alarm": True,
        "near_share": 0.163,
        "left": {"share": 0.02, "alarm": False},
        "centre": {"share": 0.35, "alarm": True},
        "right": {"share": 0.12, "alarm": True},
        "grid": [[0.0, 0.0, 0.0], [0.01, 0.3, 0.05], [0.05, 0.75, 0.31]],
        "largest": {
            **{"x": 0.31, "y": 0.42, "width": 0.44, "height": 0.58, "share": 0.16},
            "distance": {"metres": 0.71, "low": 0.6, "high": 0.88},
        },
        "calibration": None,
        "note": "Metres come from the given points of known distance; mind the error bars.",
    },
}


def _documented(media_types: Iterable[str]) -> dict[str, Any]:
    """What every effect's route says of itself."""
    answer = {
        "description": "The effect.",
        "headers": ANSWER_HEADERS,
        "content": dict.fromkeys(media_types, BINARY),
    }
    return {
        "response_class": Response,
        "responses": _PROBLEMS | {200: answer},
        "openapi_extra": IMAGE_AND_DEPTH_BODY,
    }


_OBSTACLE = _documented(REPORT_MEDIA_TYPES.values())
_OBSTACLE["responses"][200]["content"]["application/json"] = _REPORT
_OBSTACLE["responses"][200]["model"] = ObstacleJson


@router.post("/obstacle", summary="Obstacle alarm", **_OBSTACLE)
async def obstacle(
    request: Request,
    query: Annotated[ObstacleQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Say how much of the view is near, and where.

    Nearness is relative to this photo. It is not metres, unless two or more points of known
    distance are given as `anchors`.
    """
    plan = plan_obstacle(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


@router.post("/pointcloud", summary="Points or a mesh", **_documented(SURFACE_MEDIA_TYPES.values()))
async def pointcloud(
    request: Request,
    query: Annotated[PointcloudQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Put every pixel at its place in space.

    The unit is the nearest point's distance, which relative depth does not tell.
    """
    plan = plan_pointcloud(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


@router.post("/relief", summary="Shaded relief", **_documented([PNG_MEDIA_TYPE]))
async def relief(
    request: Request,
    query: Annotated[ReliefQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Show the photo as a surface, or as a height map for 3D printing."""
    plan = plan_relief(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


@router.post("/portrait", summary="Blurred background", **_documented(_PICTURES))
async def portrait(
    request: Request,
    query: Annotated[PortraitQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Blur what is out of focus as a large lens would."""
    plan = plan_portrait(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


@router.post(
    "/parallax",
    summary="A living photo",
    **_documented(_ANIMATIONS),
)
async def parallax(
    request: Request,
    query: Annotated[ParallaxQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Move the camera a little, so that near things move more than far ones."""
    plan = plan_parallax(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


@router.post("/stereo", summary="A picture for two eyes", **_documented(_PICTURES))
async def stereo(
    request: Request,
    query: Annotated[StereoQuery, Query()],
    deadline_seconds: RequestTimeout = None,
) -> Response:
    """Show the photo in three dimensions, for red-cyan glasses or side by side."""
    plan = plan_stereo(query, _model(request, query))
    return await _respond(request, plan, query, query.format, deadline_seconds)


def _model(request: Request, query: EffectQuery) -> str:
    runtime: Runtime = request.app.state.runtime
    return runtime.catalog.offer.find(query.model or runtime.settings.model).name


async def _respond(
    request: Request,
    plan: Plan,
    query: EffectQuery,
    output: str,
    deadline_seconds: float | None,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    record.model, record.output = plan.order.model, output

    async def work(upload: Upload, ticket: Ticket) -> EffectAnswer:
        depth = None
        if upload.depth is not None:
            record.model = UPLOADED
            depth = UploadedDepth(upload.depth, query.depth_kind)
        elif query.depth_kind is not None:
            raise InvalidParameter("depth_kind: it is of an uploaded depth map, and there is none.")
        return await runtime.effects.run(upload.image, depth, plan.order, ticket, record)

    answer, ticket = await result_in_time(
        request,
        deadline_seconds,
        read=lambda ticket: read_image_and_depth(request, ticket, runtime.settings.max_body_bytes),
        work=work,
    )
    low, high = answer.extent
    headers = {
        "X-Depth-Model": answer.depth.model,
        "X-Depth-Kind": answer.depth.kind,
        "X-Depth-Min": f"{low:.9g}",
        "X-Depth-Max": f"{high:.9g}",
        "Server-Timing": record.server_timing(),
    }
    if answer.batch_size is not None:
        headers["X-Batch-Size"] = str(answer.batch_size)
    seconds = runtime.settings.send_timeout_seconds
    return HeldResponse(answer.body, plan.media_type, headers, ticket, record, seconds)
