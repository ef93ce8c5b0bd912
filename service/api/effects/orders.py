"""From an effect's query parameters to the work and the kind of file it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.api.effects.obstacle_report import report
from service.api.effects.queries import (
    EffectQuery,
    ObstacleQuery,
    ParallaxQuery,
    PointcloudQuery,
    PortraitQuery,
    ReliefFormat,
    ReliefQuery,
    ReportFormat,
    StereoLayout,
    StereoQuery,
    SurfaceFormat,
)
from service.api.metres import metres_options
from service.api.parameters import parse_numbers
from service.effects.obstacle import ObstacleOptions, draw_danger_zone
from service.effects.parallax import ParallaxOptions, encode_parallax
from service.effects.pointcloud import GLB_MEDIA_TYPE, PLY_MEDIA_TYPE, encode_glb, encode_ply
from service.effects.portrait import PortraitOptions, blur_background
from service.effects.relief import (
    ReliefOptions,
    height_map,
    normal_picture,
    shaded_relief,
    surface_normals,
)
from service.effects.stereo import StereoOptions, anaglyph, side_by_side
from service.geometry.mesh import MeshOptions
from service.geometry.metres import metres_of
from service.imaging import png
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.picture import encode_picture
from service.pipeline.effect import EffectOrder

PNG_MEDIA_TYPE = "image/png"
SURFACE_MEDIA_TYPES = {SurfaceFormat.PLY: PLY_MEDIA_TYPE, SurfaceFormat.GLB: GLB_MEDIA_TYPE}
REPORT_MEDIA_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.PNG: PNG_MEDIA_TYPE,
}


@dataclass(frozen=True)
class Plan:
    """The work, and the media type of what comes out."""

    order: EffectOrder
    media_type: str


def plan_obstacle(query: ObstacleQuery, model: str) -> Plan:
    """Report on, or picture of, what is near."""
    columns, rows = (int(side) for side in parse_numbers(query.grid, "x"))
    options = ObstacleOptions(query.threshold, query.share, rows, columns, query.max_side)
    metres = metres_options(query)

    def make(photo: Photo, depth: DepthMap) -> bytes:
        if query.format is ReportFormat.PNG:
            if metres.wanted:
                # The picture has no metres, but what the report refuses, it refuses too.
                metres_of(depth, metres)
            return png.encode_rgb(draw_danger_zone(photo.pixels, depth, options))
        return report(depth, options, metres)

    return Plan(EffectOrder(model, options.max_side, make), REPORT_MEDIA_TYPES[query.format])


def plan_pointcloud(query: PointcloudQuery, model: str) -> Plan:
    """Points or a mesh."""
    options = MeshOptions(**_options(query))
    mesh = query.format is SurfaceFormat.GLB
    encode = encode_glb if mesh else encode_ply
    side = max(options.max_side, options.texture_side) if mesh else options.max_side

    def make(photo: Photo, depth: DepthMap) -> bytes:
        return encode(photo.pixels, _measured(depth, query), options)

    return Plan(EffectOrder(model, side, make), SURFACE_MEDIA_TYPES[query.format])


def plan_relief(query: ReliefQuery, model: str) -> Plan:
    """The surface as a picture or a height map."""
    options = ReliefOptions(**_options(query))

    def make(photo: Photo, depth: DepthMap) -> bytes:
        depth = _measured(depth, query)
        if query.format is ReliefFormat.HEIGHT16:
            return height_map(photo.pixels, depth, options)
        if query.format is ReliefFormat.NORMALS:
            normals = surface_normals(photo.pixels, depth, options)
            return png.encode_rgb(normal_picture(normals))
        return png.encode_rgb(shaded_relief(photo.pixels, depth, options))

    return Plan(EffectOrder(model, options.max_side, make), PNG_MEDIA_TYPE)


def plan_portrait(query: PortraitQuery, model: str) -> Plan:
    """The photo with its background blurred."""
    focus = None
    if query.focus is not None:
        x, y = parse_numbers(query.focus)
        focus = (x, y)
    options = PortraitOptions(**_options(query) | {"focus": focus})

    def make(photo: Photo, depth: DepthMap) -> bytes:
        blurred = blur_background(photo.pixels, _measured(depth, query), options)
        return encode_picture(blurred, query.format)

    return Plan(EffectOrder(model, options.max_side, make), query.format.media_type)


def plan_parallax(query: ParallaxQuery, model: str) -> Plan:
    """The living photo."""
    options = ParallaxOptions(**_options(query), format=query.format)

    def make(photo: Photo, depth: DepthMap) -> bytes:
        return encode_parallax(photo.pixels, _measured(depth, query), options)

    order = EffectOrder(model, options.photo_side, make, options.frames)
    return Plan(order, query.format.media_type)


def plan_stereo(query: StereoQuery, model: str) -> Plan:
    """A picture for two eyes."""
    options = StereoOptions(query.amplitude, query.still, query.crossed, query.max_side)
    render = anaglyph if query.layout is StereoLayout.ANAGLYPH else side_by_side

    def make(photo: Photo, depth: DepthMap) -> bytes:
        picture = render(photo.pixels, _measured(depth, query), options)
        return encode_picture(picture, query.format)

    order = EffectOrder(model, options.max_side, make, frames=2)
    return Plan(order, query.format.media_type)


def _options(query: EffectQuery) -> dict[str, Any]:
    """The parameters that an effect's options have under the same names."""
    return query.model_dump(exclude={*EffectQuery.model_fields, "format"})


def _measured(depth: DepthMap, query: EffectQuery) -> DepthMap:
    """The depth, in metres where the query has what tells them."""
    metres = metres_options(query)
    return metres_of(depth, metres).apply(depth) if metres.wanted else depth
