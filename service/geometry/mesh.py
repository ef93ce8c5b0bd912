"""A photo's visible surface as triangles, cut where depth jumps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.geometry.camera import Camera, CameraOptions, unproject
from service.geometry.distances import distances, refined_distances
from service.imaging.depth_map import DepthMap
from service.imaging.options import FAR_RATIO, ranged
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import (
    DepthArray,
    Interpolation,
    Rgb,
    bounded_size,
    nearest,
    shrink,
)

_CHUNK_ROWS = 1 << 18


class MeshOptions(CameraOptions):
    """How points are placed and joined.

    ``far_ratio`` is ignored for metric depth. A square photo at ``max_side=2048`` has 4.2 million
    points: 63 MB of PLY.
    """

    far_ratio: float = ranged(4.0, 1.1, 100, FAR_RATIO)
    edge: float = ranged(
        75.0, 45, 89.9, "Slant in degrees from which a surface is cut as a depth jump."
    )
    max_side: int = ranged(512, 16, 2048, "Points along the longer side.")
    texture_side: int = ranged(1024, 64, 4096, "Longest side of the mesh's texture in pixels.")
    refine: bool | None = Field(
        None,
        description="Move the depth map's edges onto the photo's; `false` leaves every number as "
        "it is. Default: `true` for what a network gave, at its own size, else `false`.",
    )

    def refines(self, depth: DepthMap) -> bool:
        """Whether edges of ``depth`` are moved onto the photo's."""
        own = depth.enlarge is not Interpolation.NEAREST
        return own if self.refine is None else self.refine


@dataclass(frozen=True)
class Mesh:
    """A surface in the axes of :func:`service.geometry.camera.unproject`.

    ``points`` ``(n, 3)`` float32; ``colours`` ``(n, 3)`` uint8 RGB; ``places`` ``(n, 2)`` float32,
    where each point lies in the photo, 0..1 from the top left; ``triangles`` ``(m, 3)`` uint32
    point numbers, counter-clockwise seen from the camera.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    places: NDArray[np.float32]
    triangles: NDArray[np.uint32]


def build_mesh(
    pixels: Rgb,
    depth: DepthMap,
    options: MeshOptions,
    camera: Camera | None = None,
    *,
    every_point: bool = False,
) -> Mesh:
    """The surface that the photo shows: a grid of points, joined unless depth jumps between them.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. ``camera`` is by default
    what the options say. Each point is at the distance that the map has there, to the pixel; with
    ``refine`` the map's edges are first moved onto the photo's. What the map does not count, and
    points that no triangle uses because they float between two surfaces, are left out; the latter
    are kept with ``every_point``.
    """
    camera = camera or options.camera(pixels.shape[1], pixels.shape[0])
    refine = options.refines(depth)
    grid = _grid(pixels, depth, options.max_side, refine)
    if refine:
        distance = refined_distances(grid.pixels, grid.depth, options.far_ratio)
    else:
        distance = distances(grid.depth, options.far_ratio)
    across, down = grid.depth.places
    right, up = camera.rays(across, down)
    triangles = _triangulate(distance, right, up, options.edge)
    used = ~np.isnan(distance).ravel() if every_point else np.zeros(distance.size, np.bool_)
    for some in _chunks(triangles):
        used[some] = True
    number = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
    for some in _chunks(triangles):
        some[:] = number[some]
    points = np.empty((int(used.sum()), 3), np.float32)
    places = np.empty((len(points), 2), np.float32)
    first = 0
    for strip in strips_in_turn(distance.shape):
        rows, columns = np.nonzero(used.reshape(distance.shape)[strip.rows])
        these = slice(first, first + len(rows))
        points[these] = unproject(distance[strip.rows], right, up[strip.rows])[rows, columns]
        places[these, 0], places[these, 1] = across[columns], down[strip.rows][rows]
        first += len(rows)
    return Mesh(points, grid.pixels.reshape(-1, 3)[used], places, triangles)


def texture(pixels: Rgb, options: MeshOptions) -> Rgb:
    """The photo at the size it has on the mesh, ``(h, w, 3)`` uint8 RGB."""
    return shrink(pixels, bounded_size(pixels.shape[1], pixels.shape[0], options.texture_side))


@dataclass(frozen=True)
class _Grid:
    """The photo and its depth at the points."""

    pixels: Rgb
    depth: DepthMap


def _grid(pixels: Rgb, depth: DepthMap, max_side: int, refine: bool) -> _Grid:
    """Points on the map's own pixels where it has enough of them, else between them."""
    height, width = pixels.shape[:2]
    if depth.enlarge is Interpolation.NEAREST and not refine:
        # There is nothing between its pixels: more points would make stairs of them.
        width, height = min(width, depth.width), min(height, depth.height)
    width, height = bounded_size(width, height, max_side)
    small = shrink(pixels, (width, height))
    if width > depth.width or height > depth.height:
        return _Grid(small, depth.resized(width, height))
    if (width, height) == (depth.width, depth.height):
        return _Grid(small, depth)
    return _Grid(small, depth.sampled(nearest(depth.height, height), nearest(depth.width, width)))


def _triangulate(
    distance: DepthArray, right: NDArray[np.float32], up: NDArray[np.float32], edge: float
) -> NDArray[np.uint32]:
    """Two triangles for every four neighbours, without those that are too slanted or unknown.

    A slant is the angle whose tangent is by how much of its distance the surface recedes per step
    of the ray, across and down together: on the camera's axis its angle to the line of sight.
    """
    height, width = distance.shape
    numbers = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    steepest = np.float32(math.tan(math.radians(edge)))
    # Apart, because steps differ where points are some of a map's pixels; squared in place.
    across, down = np.diff(distance, axis=1), np.diff(distance, axis=0)
    across /= np.diff(right)
    down /= np.diff(up)[:, np.newaxis]
    across *= across
    down *= down
    start, rest = slice(None, -1), slice(1, None)
    top_left, top_right = (start, start), (start, rest)
    bottom_left, bottom_right = (rest, start), (rest, rest)
    halves = (
        ((top_left, bottom_left, top_right), across[:-1], down[:, :-1]),
        ((top_right, bottom_left, bottom_right), across[1:], down[:, 1:]),
    )
    wholes = []
    for three, across_squared, down_squared in halves:
        first, second, third = (distance[corner] for corner in three)
        nearest_one = np.minimum(np.minimum(first, second), third)
        nearest_one *= steepest
        nearest_one *= nearest_one
        # False where one of the three is NaN.
        wholes.append(across_squared + down_squared <= nearest_one)
    counts = [int(np.count_nonzero(whole)) for whole in wholes]
    triangles = np.empty((sum(counts), 3), np.uint32)
    parts = np.split(triangles, counts[:1])
    for part, (three, *_), whole in zip(parts, halves, wholes, strict=True):
        for column, corner in enumerate(three):
            part[:, column] = numbers[corner][whole]
    return triangles


def _chunks(rows: NDArray[np.uint32]) -> Iterator[NDArray[np.uint32]]:
    """Views of some rows: numpy makes 8 bytes of every index."""
    for first in range(0, len(rows), _CHUNK_ROWS):
        yield rows[first : first + _CHUNK_ROWS]
