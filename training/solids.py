"""Simple solids, and where rays meet them.

Vectors are float32 ``(n, 3)`` in metres: x to the right, y up, z away from the viewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Scalars = NDArray[np.float32]
Image = NDArray[np.uint8]

_NEAREST = 1e-3


class Shape(Enum):
    """What a solid is within its bounds."""

    BOX = auto()
    BALL = auto()
    CYLINDER = auto()
    """Upright."""


@dataclass
class Solid:
    """A thing of half size ``half`` at ``centre``, turned about the vertical by ``turn`` radians.

    It is covered with an RGB picture that is ``covering_metres`` wide and goes on in mirror
    images. ``outline``, boolean ``(h, w)``, cuts a thin box out to a silhouette, seen along z.
    """

    shape: Shape
    centre: Vectors
    half: Vectors
    turn: float
    covering: Image
    covering_metres: float
    outline: NDArray[np.bool_] | None = None
    _axes: Vectors = field(init=False)

    def __post_init__(self) -> None:
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        self._axes = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)

    def distance(self, origin: Vectors, direction: Vectors) -> Scalars:
        """To each ray's first hit, in lengths of its direction; infinite without one."""
        # In a space where the solid is the cube of -1..1.
        start = self._local(origin) / self.half
        step = direction @ self._axes.T / self.half
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {Shape.BOX: _box, Shape.BALL: _ball, Shape.CYLINDER: _cylinder}[self.shape](
                start, step
            )
        found = np.where(found > _NEAREST, found, np.inf)
        if self.outline is not None:
            hit = np.isfinite(found)
            points = start + step * np.where(hit, found, 0)[:, None]
            found = np.where(hit & _inside(self.outline, points), found, np.inf)
        return found.astype(np.float32)

    def surface(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Colour (0..1) and outward normal (length 1) at points of the surface."""
        local = self._local(points)
        scaled = local / self.half
        axis = np.abs(scaled).argmax(axis=1)
        if self.shape is Shape.CYLINDER:
            on_lid = np.abs(scaled[:, 1]) > np.hypot(scaled[:, 0], scaled[:, 2])
            axis = np.where(on_lid, 1, np.abs(scaled[:, [0, 2]]).argmax(axis=1) * 2)
        rows = np.arange(len(local))
        if self.shape is Shape.BALL:
            normal = scaled / self.half
        else:
            normal = np.zeros_like(local)
            normal[rows, axis] = np.sign(scaled[rows, axis])
            if self.shape is Shape.CYLINDER:
                round_side = axis != 1
                normal[round_side] = scaled[round_side] * np.array([1, 0, 1], np.float32)
        across = np.where(axis == 0, local[:, 2], local[:, 0])
        along = np.where(axis == 1, local[:, 2], local[:, 1])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return self._covering_at(across, along), (normal @ self._axes).astype(np.float32)

    def _local(self, points: Vectors) -> Vectors:
        return np.asarray((points - self.centre) @ self._axes.T, np.float32)

    def _covering_at(self, across: Scalars, along: Scalars) -> Vectors:
        height, width = self.covering.shape[:2]
        place = np.stack([across, -along], axis=1) / self.covering_metres
        folded = 1 - np.abs(np.mod(place, 2) - 1)
        column = np.minimum((folded[:, 0] * width).astype(int), width - 1)
        row = np.minimum((folded[:, 1] * height).astype(int), height - 1)
        return np.asarray(self.covering[row, column] / np.float32(255), np.float32)


def _inside(outline: NDArray[np.bool_], points: Vectors) -> NDArray[np.bool_]:
    height, width = outline.shape
    column = ((points[:, 0] + 1) / 2 * width).astype(int).clip(0, width - 1)
    row = ((1 - points[:, 1]) / 2 * height).astype(int).clip(0, height - 1)
    return np.asarray(outline[row, column])


def _box(start: Vectors, step: Vectors) -> Scalars:
    """The last entry between two opposite faces, unless a way out comes first."""
    one, other = (-1 - start) / step, (1 - start) / step
    enter, leave = np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)
    return np.where(enter < leave, enter, np.inf)


def _ball(start: Vectors, step: Vectors) -> Scalars:
    return _roots((step**2).sum(1), (start * step).sum(1), (start**2).sum(1) - 1)


def _cylinder(start: Vectors, step: Vectors) -> Scalars:
    flat_start, flat_step = start[:, [0, 2]], step[:, [0, 2]]
    side = _roots(
        (flat_step**2).sum(1), (flat_start * flat_step).sum(1), (flat_start**2).sum(1) - 1
    )
    height = start[:, 1] + step[:, 1] * np.where(np.isfinite(side), side, 0)
    side = np.where(np.abs(height) <= 1, side, np.inf)
    lid = (np.where(step[:, 1] > 0, -1, 1) - start[:, 1]) / step[:, 1]
    on_lid = ((flat_start + flat_step * lid[:, None]) ** 2).sum(1) <= 1
    return np.minimum(side, np.where(on_lid & (lid > _NEAREST), lid, np.inf))


def _roots(squared: Scalars, half_linear: Scalars, constant: Scalars) -> Scalars:
    """The smaller root of ``squared t^2 + 2 half_linear t + constant``, infinite without any."""
    inside = half_linear**2 - squared * constant
    root = (-half_linear - np.sqrt(np.maximum(inside, 0))) / squared
    return np.where((inside >= 0) & (root > _NEAREST), root, np.inf)
