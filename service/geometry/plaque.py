"""A relief as a solid plate that a slicer takes as it is, written as binary STL."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from service.geometry.stl import add_facets, begin_stl
from service.imaging.strips import strips_in_turn


def encode_plaque(height: NDArray[np.float32], pitch: float) -> bytes:
    """A watertight plate whose top is ``height``, as binary STL.

    ``height`` ``(h, w)`` float32, above 0, at least 2 a side: millimetres from the flat underside,
    at points ``pitch`` millimetres apart. x is right, y up in the picture, z towards the viewer.
    All facets look outwards; no two points of the plate are at one place.
    """
    file = io.BytesIO()
    rows, columns = height.shape
    around = 2 * (rows + columns - 2)
    begin_stl(file, 2 * (rows - 1) * (columns - 1) + 3 * around)
    # Each strip ends on the row of points that the next one begins with.
    for strip in strips_in_turn((rows - 1, columns)):
        add_facets(file, _top(height, strip.first, strip.end, pitch))
    add_facets(file, _sides_and_underside(height, pitch))
    return file.getvalue()


def _points(height: NDArray[np.float32], first: int, end: int, pitch: float) -> NDArray[np.float32]:
    """Points of rows ``first`` to ``end`` of the top, ``(n, w, 3)``."""
    rows, columns = height.shape
    points = np.empty((end - first, columns, 3), np.float32)
    points[..., 0] = np.arange(columns, dtype=np.float32) * np.float32(pitch)
    up = np.arange(rows - 1 - first, rows - 1 - end, -1, dtype=np.float32) * np.float32(pitch)
    points[..., 1] = up[:, np.newaxis]
    points[..., 2] = height[first:end]
    return points


def _top(height: NDArray[np.float32], first: int, end: int, pitch: float) -> NDArray[np.float32]:
    """Triangles ``(n, 3, 3)`` between points of rows ``first`` to ``end``, both included."""
    points = _points(height, first, end + 1, pitch)
    top_left, top_right = points[:-1, :-1], points[:-1, 1:]
    bottom_left, bottom_right = points[1:, :-1], points[1:, 1:]
    halves = (top_left, bottom_left, top_right), (top_right, bottom_left, bottom_right)
    return np.stack([np.stack(half, axis=2) for half in halves], axis=2).reshape(-1, 3, 3)


def _sides_and_underside(height: NDArray[np.float32], pitch: float) -> NDArray[np.float32]:
    """Walls below the rim, and a fan below all: triangles ``(n, 3, 3)``."""
    points = _points(height, 0, height.shape[0], pitch)
    # Counter-clockwise, seen from the viewer.
    rim = np.concatenate(
        [points[:-1, 0], points[-1, :-1], points[:0:-1, -1], points[0, :0:-1]], dtype=np.float32
    )
    foot = rim * np.array([1, 1, 0], np.float32)
    next_rim, next_foot = np.roll(rim, -1, axis=0), np.roll(foot, -1, axis=0)
    centre = np.broadcast_to(foot.max(axis=0) / 2, foot.shape)
    triangles = (
        (rim, foot, next_rim),
        (next_rim, foot, next_foot),
        (centre, next_foot, foot),
    )
    return np.concatenate([np.stack(three, axis=1) for three in triangles])
