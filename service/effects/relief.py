"""The photo as a surface: its normals, a shaded relief, a height map, a plate to print."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.effects.record import Effect, Source
from service.errors import InvalidParameter
from service.geometry.camera import Camera, CameraOptions, unproject
from service.geometry.distances import distances_of_nearness
from service.geometry.guided_filter import refine_nearness
from service.geometry.plaque import encode_plaque
from service.geometry.scene import Scene, make_scene, resize_map
from service.geometry.stl import MEDIA_TYPE as STL_TYPE
from service.imaging import png
from service.imaging.depth_kind import RELATIVE
from service.imaging.depth_map import DepthMap
from service.imaging.options import FAR_RATIO, MAX_SIDE, ranged
from service.imaging.strips import bytes_in_turn, strips_in_turn
from service.imaging.transforms import Rgb, centres

T = TypeVar("T", np.uint8, np.uint16, np.float32)

_AMBIENT = 0.25
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LARGEST_LEVEL = 65535
_SMALL_SIGMA = 8
# Of the plate's longer side: 0.1 mm apart on 100 mm, 80 MB.
_MOST_POINTS = 1024


class ReliefFormat(StrEnum):
    """Pictures of the surface, all PNG, and a solid."""

    SHADED = "shaded"
    NORMALS = "normals"
    HEIGHT16 = "height16"
    STL = "stl"


class NormalY(StrEnum):
    """Which way the green of a normal grows: ``up`` as in OpenGL, ``down`` as in DirectX."""

    UP = "up"
    DOWN = "down"


class ReliefOptions(CameraOptions):
    """How the surface is made and lit; ``far_ratio`` is ignored for metric depth."""

    # 0.2 mm apart on 100 mm: half of what a printer's nozzle draws, and 20 MB instead of 80.
    of_format: ClassVar[Mapping[str, Mapping[str, Any]]] = {ReliefFormat.STL: {"max_side": 512}}

    format: ReliefFormat = Field(
        ReliefFormat.SHADED,
        description="`shaded` relief; `normals` as colours; `height16`, a 16-bit height map: all "
        "PNG. `stl`: a watertight plate for 3D printing, in millimetres.",
    )
    y: NormalY = Field(
        NormalY.UP,
        description="`normals`: where green is bright, on what faces `up` (OpenGL, Blender) or "
        "`down` (DirectX, Unreal).",
    )
    far_ratio: float = ranged(4.0, 1.1, 100, FAR_RATIO)
    smooth: float = ranged(0.0025, 0, 0.05, "Smoothing: a Gaussian's sigma as a share of the side.")
    azimuth: float = ranged(315.0, 0, 360, "Where the light is, in degrees clockwise from the top.")
    altitude: float = ranged(40.0, 5, 90, "How high the light stands, in degrees.")
    texture: float = ranged(0.0, 0, 1, "How much of the photo's own light and shade shows.")
    base: float = ranged(0.1, 0, 0.9, "Height of the farthest point as a share of the nearest's.")
    max_side: int = ranged(
        1280,
        64,
        4096,
        f"{MAX_SIDE} `stl`: points along it, 512 by default, at most {_MOST_POINTS}.",
    )
    width_mm: float = ranged(100.0, 10, 1000, "`stl`: width of the plate in millimetres.")
    base_mm: float = ranged(2.0, 0.1, 100, "`stl`: thickness below the farthest point.")
    height_mm: float = ranged(8.0, 0.1, 500, "`stl`: how far the nearest point rises above that.")


def surface_normals(
    pixels: Rgb, depth: DepthMap, options: ReliefOptions, camera: Camera | None = None
) -> NDArray[np.float32]:
    """Unit normals ``(h, w, 3)`` float32, facing the camera: x right, y up, z towards the viewer.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. The cross product of the surface's
    derivatives along the picture's axes. ``camera`` is by default what the options say. Where
    nothing is known there is no normal: 0.
    """
    scene = make_scene(pixels, depth, options.max_side)
    normals = np.empty(scene.pixels.shape, np.float32)
    for rows, some in _normals(scene, depth, options, camera):
        normals[rows] = some
    return _without_gaps(normals, scene)


def normal_picture(normals: NDArray[np.float32]) -> Rgb:
    """Normals ``(h, w, 3)`` in -1..1 as colours ``(h, w, 3)`` uint8: ``(n + 1) / 2 * 255``."""
    colours: Rgb = np.rint(normals * np.float32(127.5) + np.float32(127.5)).astype(np.uint8)
    return colours


def shaded_relief(
    pixels: Rgb, depth: DepthMap, options: ReliefOptions, camera: Camera | None = None
) -> Rgb:
    """The surface in plaster under one lamp, ``(h, w, 3)`` uint8 (Lambert's cosine law).

    Black where nothing is known; the plaster never is.
    """
    scene = make_scene(pixels, depth, options.max_side)
    picture = np.empty_like(scene.pixels)
    for rows, normals in _normals(scene, depth, options, camera):
        lit = np.maximum(normals @ _light(options), 0)
        shade = lit * np.float32(1 - _AMBIENT) + np.float32(_AMBIENT)
        if options.texture > 0:
            luminance = scene.pixels[rows] @ (_LUMINANCE / 255)
            shade *= np.float32(1 - options.texture) + np.float32(options.texture) * luminance
        picture[rows] = np.rint(shade * np.float32(255)).astype(np.uint8)[..., np.newaxis]
    return _without_gaps(picture, scene)


def relief_in_colours(
    pixels: Rgb, depth: DepthMap, options: ReliefOptions, camera: Camera | None = None
) -> Rgb:
    """:func:`normal_picture` of :func:`surface_normals`, in a quarter of the memory.

    Black, which is no normal, where nothing is known.
    """
    scene = make_scene(pixels, depth, options.max_side)
    picture = np.empty_like(scene.pixels)
    for rows, normals in _normals(scene, depth, options, camera):
        if options.y is NormalY.DOWN:
            np.negative(normals[..., 1], out=normals[..., 1])
        picture[rows] = normal_picture(normals)
    return _without_gaps(picture, scene)


def height_map(pixels: Rgb, depth: DepthMap, options: ReliefOptions) -> bytes:
    """16-bit grey PNG: 65535 is the nearest point, ``base`` of that the farthest, 0 nothing known.

    Height is linear in nearness, as in a bas-relief, so that far things keep some shape. A map
    without any range is all base.
    """
    scene = make_scene(pixels, depth, options.max_side)
    height = _surface(scene, options)
    levels = np.empty(height.shape, np.uint16)
    for strip in strips_in_turn(height.shape):
        rows = height[strip.rows] * np.float32(1 - options.base) + np.float32(options.base)
        levels[strip.rows] = np.rint(rows * np.float32(_LARGEST_LEVEL))
    return png.encode_grey16(_without_gaps(levels, scene))


def plaque(pixels: Rgb, depth: DepthMap, options: ReliefOptions) -> bytes:
    """The height map as a plate in binary STL; where nothing is known it is as thin as its base.

    Raises :class:`InvalidParameter` for a photo of one row or column.
    """
    scene = make_scene(pixels, depth, min(options.max_side, _MOST_POINTS))
    if min(scene.width, scene.height) < 2:
        raise InvalidParameter("A row of points has no surface to print.")
    height = _without_gaps(_surface(scene, options), scene)
    height *= np.float32(options.height_mm)
    height += np.float32(options.base_mm)
    return encode_plaque(height, options.width_mm / (scene.width - 1))


def _without_gaps(picture: NDArray[T], scene: Scene) -> NDArray[T]:
    """``picture`` ``(h, w, ...)`` with 0 where nothing is known of the scene; in place."""
    if scene.known is not None:
        picture[~scene.known] = 0
    return picture


def _normals(
    scene: Scene, depth: DepthMap, options: ReliefOptions, camera: Camera | None
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Strips of rows, and their unit normals."""
    surface = _surface(scene, options)
    camera = camera or options.camera(scene.width, scene.height)
    right, up = camera.rays(centres(scene.width), centres(scene.height))
    nearest = distances_of_nearness(surface.max(keepdims=True), depth, options.far_ratio)
    for strip in strips_in_turn(surface.shape, 1):
        distance = distances_of_nearness(surface[strip.read], depth, options.far_ratio)
        # Normals know no scale, and squares of it could overflow.
        points = unproject(distance / nearest, right, up[strip.read])
        yield strip.rows, _normals_of(points)[strip.inner]


def _normals_of(points: NDArray[np.float32]) -> NDArray[np.float32]:
    # Mirrored borders would have no slope there, and so no normal.
    along, across = (
        cv2.Sobel(points, cv2.CV_32F, *axis, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        for axis in ((0, 1), (1, 0))
    )
    normals = _cross(np.asarray(along, np.float32), np.asarray(across, np.float32))
    length = np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))
    normals /= np.maximum(length, np.float32(1e-30))[..., np.newaxis]
    return normals


def _cross(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cross product over the last axis; plane by plane, five times faster than numpy's."""
    product = np.empty_like(a)
    for axis in range(3):
        second, third = (axis + 1) % 3, (axis + 2) % 3
        np.multiply(a[..., second], b[..., third], out=product[..., axis])
        product[..., axis] -= a[..., third] * b[..., second]
    return product


def _light(options: ReliefOptions) -> NDArray[np.float32]:
    """Unit vector towards the lamp, in the camera's axes."""
    azimuth, altitude = math.radians(options.azimuth), math.radians(options.altitude)
    flat = math.cos(altitude)
    return np.array(
        [flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(altitude)], np.float32
    )


def _surface(scene: Scene, options: ReliefOptions) -> NDArray[np.float32]:
    """Nearness with the photo's edges, smoothed: ``(h, w)`` in 0..1."""
    sigma = options.smooth * max(scene.width, scene.height)
    return smoothed(refine_nearness(scene), sigma)


def smoothed(surface: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """``surface`` ``(h, w)`` in 0..1 filtered with a Gaussian of ``sigma`` pixels.

    A wide one at a fraction of the size, or its time would grow with the cube of the side: 50 s
    for 205 pixels of 4096x4096.
    """
    if sigma == 0:
        return surface
    height, width = surface.shape
    fraction = max(1, int(sigma / _SMALL_SIGMA))
    small = max(1, round(width / fraction)), max(1, round(height / fraction))
    border = cv2.BORDER_REFLECT_101
    if fraction > 1:
        # About the edge, as the centres of border pixels now lie farther inside.
        border = cv2.BORDER_REFLECT
        surface = np.asarray(cv2.resize(surface, small, interpolation=cv2.INTER_AREA), np.float32)
        # What averaging over the fraction's squares has smoothed already.
        sigma = math.sqrt((sigma / fraction) ** 2 - 1 / 12)
    blurred = np.asarray(cv2.GaussianBlur(surface, (0, 0), sigma, borderType=border), np.float32)
    return resize_map(blurred, (width, height))


def _make(source: Source, options: ReliefOptions) -> bytes:
    pixels, depth, camera = source.pixels, source.depth, source.camera
    if options.format is ReliefFormat.HEIGHT16:
        return height_map(pixels, depth, options)
    if options.format is ReliefFormat.STL:
        return plaque(pixels, depth, options)
    if options.format is ReliefFormat.NORMALS:
        return png.encode_rgb(relief_in_colours(pixels, depth, options, camera))
    return png.encode_rgb(shaded_relief(pixels, depth, options, camera))


def _working_bytes(options: ReliefOptions, pixels: int) -> int:
    """Measured by `python -m load_tests.effects --peaks`; a tenth in reserve."""
    if options.format is ReliefFormat.STL:
        points = min(pixels, _MOST_POINTS**2)
        return 3 * pixels + bytes_in_turn(points, 260, 600)
    return bytes_in_turn(pixels, 18, 100)


RELIEF = Effect(
    name="relief",
    summary="Shaded relief",
    description="Show the photo as a surface, or make a height map or a plate for 3D printing.",
    options=ReliefOptions,
    media_types=dict.fromkeys(ReliefFormat, png.MEDIA_TYPE) | {ReliefFormat.STL: STL_TYPE},
    side=lambda options: options.max_side,
    working_bytes=_working_bytes,
    make=_make,
    only_for={
        "y": (ReliefFormat.NORMALS,),
        "base": (ReliefFormat.HEIGHT16,),
        **dict.fromkeys(("azimuth", "altitude", "texture"), (ReliefFormat.SHADED,)),
        **dict.fromkeys(
            ("fov", "intrinsics", "far_ratio"), (ReliefFormat.SHADED, ReliefFormat.NORMALS)
        ),
        **dict.fromkeys(("width_mm", "base_mm", "height_mm"), (ReliefFormat.STL,)),
    },
    of_depth={"far_ratio": RELATIVE},
)
