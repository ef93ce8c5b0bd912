"""Query parameters of the effects; an unknown one is refused, as it may be a typo."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from service.api.metres import MetresQuery
from service.api.parameters import (
    GRID,
    GRID_FORM,
    POINT,
    POINT_FORM,
    ranged,
    written,
)
from service.effects.animation import AnimationFormat
from service.effects.bokeh import Bokeh
from service.effects.obstacle import ObstacleOptions
from service.effects.parallax import CameraPath, ParallaxOptions
from service.effects.portrait import PortraitOptions
from service.effects.relief import ReliefOptions
from service.effects.stereo import StereoOptions
from service.geometry.mesh import MeshOptions
from service.imaging.depth_kind import DepthKind
from service.imaging.picture import PictureFormat

_MAX_SIDE = "Longest side of the result in pixels; photos are never enlarged."
_FIELD_OF_VIEW = "Field of view across the photo's longer side in degrees; a phone's is about 65."
_FAR_RATIO = "How many times farther the farthest point is than the nearest, a guess of yours."


class ReportFormat(StrEnum):
    """What the obstacle alarm answers with."""

    JSON = "json"
    PNG = "png"


class SurfaceFormat(StrEnum):
    """Files of points in space."""

    PLY = "ply"
    GLB = "glb"


class ReliefFormat(StrEnum):
    """Pictures of the surface, all PNG."""

    SHADED = "shaded"
    NORMALS = "normals"
    HEIGHT16 = "height16"


class StereoLayout(StrEnum):
    """How the eyes' pictures are put together."""

    ANAGLYPH = "anaglyph"
    SIDE_BY_SIDE = "side_by_side"


class EffectQuery(MetresQuery):
    """What all effects have in common."""

    model: str | None = Field(
        None,
        max_length=64,
        description="Network, by its name in `/v1/models`; of an uploaded depth map, the one that "
        "made it, which says what its numbers mean.",
    )
    depth_kind: DepthKind | None = Field(
        None,
        description="Of an uploaded depth map: what its numbers mean, as `X-Depth-Kind` of the "
        "answer it came with said. Default: what `model` answers with.",
    )


class ObstacleQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/obstacle``."""

    format: ReportFormat = Field(
        ReportFormat.JSON, description="`json`, or `png` with the danger zone drawn."
    )
    threshold: float = ranged(
        ObstacleOptions.threshold, 0, 1, "Nearness from which a pixel is near."
    )
    share: float = ranged(
        ObstacleOptions.share, 0, 1, "Share of near pixels above which the alarm rises."
    )
    grid: str = written("3x3", GRID, GRID_FORM, "3x3")
    max_side: int = ranged(ObstacleOptions.max_side, 64, 4096, _MAX_SIDE)


class PointcloudQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/pointcloud``."""

    format: SurfaceFormat = Field(
        SurfaceFormat.PLY, description="`ply` coloured points; `glb` a mesh with texture."
    )
    fov: float = ranged(MeshOptions.fov, 10, 150, _FIELD_OF_VIEW)
    far_ratio: float = ranged(MeshOptions.far_ratio, 1.1, 100, _FAR_RATIO)
    edge: float = ranged(
        MeshOptions.edge, 45, 89.9, "Slant in degrees from which a surface is cut as a depth jump."
    )
    max_side: int = ranged(MeshOptions.max_side, 16, 2048, "Points along the longer side.")
    texture_side: int = ranged(
        MeshOptions.texture_side, 64, 4096, "Longest side of the mesh's texture in pixels."
    )


class ReliefQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/relief``."""

    format: ReliefFormat = Field(
        ReliefFormat.SHADED,
        description="`shaded` relief; `normals` as colours; `height16`, a 16-bit height map for "
        "3D printing. All PNG.",
    )
    fov: float = ranged(ReliefOptions.fov, 10, 150, _FIELD_OF_VIEW)
    far_ratio: float = ranged(ReliefOptions.far_ratio, 1.1, 100, _FAR_RATIO)
    smooth: float = ranged(
        ReliefOptions.smooth,
        0,
        0.05,
        "Smoothing: a Gaussian's sigma as a share of the side.",
    )
    azimuth: float = ranged(
        ReliefOptions.azimuth, 0, 360, "Where the light is, in degrees clockwise from the top."
    )
    altitude: float = ranged(
        ReliefOptions.altitude, 5, 90, "How high the light stands, in degrees."
    )
    texture: float = ranged(
        ReliefOptions.texture, 0, 1, "How much of the photo's own light and shade shows."
    )
    base: float = ranged(
        ReliefOptions.base, 0, 0.9, "Height of the farthest point as a share of the nearest's."
    )
    max_side: int = ranged(ReliefOptions.max_side, 64, 4096, _MAX_SIDE)


class PortraitQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/portrait``."""

    format: PictureFormat = Field(
        PictureFormat.JPEG, description="Only `png` keeps what is in focus to the last pixel."
    )
    focus: str | None = written(None, POINT, POINT_FORM, "0.5,0.4")
    aperture: float = ranged(PortraitOptions.aperture, 0, 1, "How strong the blur is.")
    depth_of_field: float = ranged(
        PortraitOptions.depth_of_field, 0, 1, "Nearness beside the focus that stays sharp."
    )
    bokeh: Bokeh = Field(PortraitOptions.bokeh, description="Shape of the aperture.")
    bloom: float = ranged(PortraitOptions.bloom, 0, 1, "How much lights glow in the blur.")
    max_side: int = ranged(PortraitOptions.max_side, 64, 4096, _MAX_SIDE)


class ParallaxQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/parallax``."""

    format: AnimationFormat = Field(
        ParallaxOptions.format,
        description="`mp4` and `webm` need PyAV on the server (the extra `video`).",
    )
    path: CameraPath = Field(ParallaxOptions.path, description="How the camera moves.")
    amplitude: float = ranged(
        ParallaxOptions.amplitude, 0, 0.1, "How far near and far part, as a share of the side."
    )
    frames: int = ranged(ParallaxOptions.frames, 2, 120, "Pictures of one round.")
    seconds: float = ranged(ParallaxOptions.seconds, 0.2, 20, "Duration of one round.")
    size: int = ranged(ParallaxOptions.size, 64, 1280, "Longer side in pixels.")


class StereoQuery(EffectQuery):
    """Query parameters of ``POST /v1/effects/stereo``."""

    format: PictureFormat = Field(PictureFormat.JPEG, description="Kind of picture.")
    layout: StereoLayout = Field(
        StereoLayout.ANAGLYPH, description="For red-cyan glasses, or two pictures."
    )
    amplitude: float = ranged(
        StereoOptions.amplitude, 0, 0.1, "How far near and far part, as a share of the width."
    )
    still: float = ranged(StereoOptions.still, 0, 1, "Nearness that lies in the screen's plane.")
    crossed: bool = Field(
        StereoOptions.crossed, description="Side by side for crossed eyes: right eye's on the left."
    )
    max_side: int = ranged(StereoOptions.max_side, 64, 4096, "Longest side of one eye's picture.")
