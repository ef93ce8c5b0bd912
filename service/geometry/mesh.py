"""A photo's visible surface as triangles, cut where depth jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.geometry.distances import distances, focal_pixels, unproject
from service.geometry.guided_filter import crisp_nearness
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap
from service.imaging.options import FAR_RATIO, FIELD_OF_VIEW, Options, ranged
from service.imaging.transforms import DepthArray, Rgb, bounded_size


class MeshOptions(Options):
    """How points are placed and joined.

    ``far_ratio`` is ignored for metric depth. A square photo at ``max_side=2048`` has 4.2 million
    points: 63 MB of PLY.
    """

    fov: float = ranged(65.0, 10, 150, FIELD_OF_VIEW)
    far_ratio: float = ranged(4.0, 1.1, 100, FAR_RATIO)
    edge: float = ranged(
        85.0, 45, 89.9, "Slant in degrees from which a surface is cut as a depth jump."
    )
    max_side: int = ranged(512, 16, 2048, "Points along the longer side.")
    texture_side: int = ranged(1024, 64, 4096, "Longest side of the mesh's texture in pixels.")


@dataclass(frozen=True)
class Mesh:
    """A surface in the axes of :func:`service.geometry.distances.unproject`.

    ``points`` ``(n, 3)`` float32; ``colours`` ``(n, 3)`` uint8 RGB; ``places`` ``(n, 2)`` float32,
    where each point lies in the photo, 0..1 from the top left; ``triangles`` ``(m, 3)`` uint32
    point numbers, counter-clockwise seen from the camera. Every point is used by a triangle.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    places: NDArray[np.float32]
    triangles: NDArray[np.uint32]


def build_mesh(pixels: Rgb, depth: DepthMap, options: MeshOptions) -> Mesh:
    """The surface that the photo shows: a grid of points, joined unless depth jumps between them.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. Points that no triangle uses float
    between two surfaces and are left out.
    """
    scene = make_scene(pixels, depth, options.max_side)
    distance = distances(crisp_nearness(scene), depth, options.far_ratio)
    triangles = _triangulate(distance, options)
    used = np.zeros(distance.size, np.bool_)
    used[triangles] = True
    number = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
    return Mesh(
        points=unproject(distance, options.fov).reshape(-1, 3)[used],
        colours=scene.pixels.reshape(-1, 3)[used],
        places=_places(scene.width, scene.height)[used],
        triangles=number[triangles],
    )


def texture(pixels: Rgb, options: MeshOptions) -> Rgb:
    """The photo at the size it has on the mesh, ``(h, w, 3)`` uint8 RGB."""
    size = bounded_size(pixels.shape[1], pixels.shape[0], options.texture_side)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _triangulate(distance: DepthArray, options: MeshOptions) -> NDArray[np.uint32]:
    """Two triangles for every four neighbours, without those that are too slanted."""
    height, width = distance.shape
    numbers = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    focal = focal_pixels(width, height, options.fov)
    # Over one pixel the surface may recede by this share of its distance.
    steepest = math.tan(math.radians(options.edge)) / focal
    start, rest = slice(None, -1), slice(1, None)
    top_left, top_right = (start, start), (start, rest)
    bottom_left, bottom_right = (rest, start), (rest, rest)
    parts = []
    for three in ((top_left, bottom_left, top_right), (top_right, bottom_left, bottom_right)):
        first, second, third = (distance[corner] for corner in three)
        nearest = np.minimum(np.minimum(first, second), third)
        farthest = np.maximum(np.maximum(first, second), third)
        whole = farthest - nearest <= nearest * np.float32(steepest)
        parts.append(np.stack([numbers[corner][whole] for corner in three], axis=1))
    return np.concatenate(parts)


def _places(width: int, height: int) -> NDArray[np.float32]:
    across = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(width)
    down = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
