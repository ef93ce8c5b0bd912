"""Simple solids, and where rays meet them.

Vectors are float32 ``(3, n)`` in metres: x to the right, y up, z away from a viewer who looks
straight ahead.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from training.coverings import Covering

Vectors = NDArray[np.float32]
Scalars = NDArray[np.float32]
Outline = NDArray[np.bool_]
Place = tuple[float, float, float]

_NEAREST = 1e-3
_NOT_ZERO = np.float32(1e-12)
_CORNERS = np.array(
    [[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32
).T.copy()


class Shape(Enum):
    """What a solid is within its bounds."""

    BOX = auto()
    BALL = auto()
    CYLINDER = auto()
    """Along y."""
    SHEET = auto()
    """A rectangle in x and y; its half size along z counts for nothing."""


def turned(turn: float = 0.0, tilt: float = 0.0, lean: float = 0.0) -> Vectors:
    """The axes, one a row, of what is leant about z, tilted about x and then turned about y."""
    (a, b), (c, d), (e, f) = ((math.cos(x), math.sin(x)) for x in (turn, tilt, lean))
    about_y = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]])
    about_x = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    about_z = np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]])
    return np.asarray((about_y @ about_x @ about_z).T, np.float32)


@dataclass(frozen=True)
class Solid:
    """A thing of half size ``half`` at ``centre``; ``axes`` are its own, one a row.

    ``outline``, boolean ``(h, w)``, cuts a sheet out to a silhouette. What ``casts`` has a shadow.
    """

    shape: Shape
    centre: Place
    half: Place
    covering: Covering
    axes: Vectors = field(default_factory=turned)
    outline: Outline | None = None
    casts: bool = True

    def distance(self, origin: Vectors, direction: Vectors) -> Scalars:
        """To each ray's first hit, in lengths of its direction; infinite without one.

        Either is ``(3, n)`` or, the same for all, ``(3, 1)``.
        """
        # In a space where the solid is the cube of -1..1.
        start = self._local(origin) / _column(self.half)
        scale = np.asarray(self.axes / _column(self.half), np.float32)
        step = np.asarray(scale @ direction + _NOT_ZERO, np.float32)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.shape is Shape.SHEET:
                return _sheet(start, step, self.outline)
            return {Shape.BOX: _box, Shape.BALL: _ball, Shape.CYLINDER: _cylinder}[self.shape](
                start, step
            )

    def surface(self, points: Vectors) -> tuple[Scalars, Scalars, Vectors]:
        """Where on its covering points of the surface are, in metres, and their normals.

        Normals have length 1 and point outwards; a sheet's is that of its front, towards -z.
        """
        local = self._local(points)
        normal = np.zeros_like(local)
        if self.shape is Shape.SHEET:
            normal[2] = -1
            return local[0], local[1], self._world(normal)
        scaled = local / _column(self.half)
        columns = np.arange(local.shape[1])
        if self.shape is Shape.BOX:
            axis = np.abs(scaled).argmax(axis=0)
            normal[axis, columns] = np.sign(scaled[axis, columns])
            across = np.where(axis == 0, local[2], local[0])
            along = np.where(axis == 1, local[2], local[1])
            return across, along, self._world(normal)
        if self.shape is Shape.BALL:
            normal = scaled / _column(self.half)
            flat = np.arctan2(scaled[0], -scaled[2])
            across = flat * np.float32(self.half[0])
            along = local[1]
        else:
            on_lid = np.abs(scaled[1]) > np.hypot(scaled[0], scaled[2])
            side = scaled / _column(self.half)
            normal = np.where(on_lid, [[0], [1], [0]] * np.sign(scaled), side * [[1], [0], [1]])
            around = np.arctan2(scaled[0], -scaled[2]) * np.float32(self.half[0])
            across = np.where(on_lid, local[0], around)
            along = np.where(on_lid, local[2], local[1])
        normal = normal / np.maximum(np.sqrt((normal**2).sum(axis=0)), 1e-9)
        return across, along, self._world(normal.astype(np.float32))

    def away(self, place: Place) -> float:
        """From a place to the box around it: 0 within."""
        outside = np.abs(self._local(_column(place))) - _column(self.half)
        return float(np.linalg.norm(np.maximum(outside, 0)))

    def corners(self) -> Vectors:
        """Of the box around it: ``(3, 8)``."""
        half = _column(self.half)
        if self.shape is Shape.SHEET:
            half[2] = 0
        return np.asarray(self.axes.T @ (_CORNERS * half) + _column(self.centre), np.float32)

    def _local(self, points: Vectors) -> Vectors:
        return self.axes @ points - self.axes @ _column(self.centre)

    def _world(self, vectors: Vectors) -> Vectors:
        return self.axes.T @ vectors


def box(centre: Place, size: Place, covering: Covering, axes: Vectors | None = None) -> Solid:
    """A box of whole ``size``."""
    return _of(Shape.BOX, centre, size, covering, axes)


def ball(centre: Place, size: Place, covering: Covering, axes: Vectors | None = None) -> Solid:
    """A ball, or an egg, of whole ``size``."""
    return _of(Shape.BALL, centre, size, covering, axes)


def cylinder(
    centre: Place, width: float, height: float, covering: Covering, axes: Vectors | None = None
) -> Solid:
    """An upright cylinder, unless its axes say otherwise."""
    return _of(Shape.CYLINDER, centre, (width, height, width), covering, axes)


def sheet(
    centre: Place,
    size: tuple[float, float],
    covering: Covering,
    axes: Vectors | None = None,
    outline: Outline | None = None,
) -> Solid:
    """A rectangle that looks towards -z, unless its axes say otherwise."""
    solid = _of(Shape.SHEET, centre, (*size, 2.0), covering, axes)
    return dataclasses.replace(solid, outline=outline)


def floor(centre: Place, size: tuple[float, float], covering: Covering) -> Solid:
    """A rectangle that looks up, of a size along x and z; as a ground it casts no shadow."""
    solid = sheet(centre, size, covering, turned(0, math.pi / 2))
    return dataclasses.replace(solid, casts=False)


def rod(one: Place, other: Place, width: float, covering: Covering) -> Solid:
    """A cylinder from one place to another."""
    way = np.subtract(other, one)
    length = float(np.linalg.norm(way))
    tilt = math.acos(max(-1.0, min(1.0, way[1] / max(length, 1e-9))))
    axes = turned(math.atan2(way[0], way[2]), tilt)
    middle = np.add(one, other) / 2
    return cylinder((middle[0], middle[1], middle[2]), width, length, covering, axes)


def moved(solids: Iterable[Solid], by: Place, turn: float = 0.0) -> list[Solid]:
    """Solids turned together about the vertical through 0, then moved."""
    axes = turned(turn)
    return [
        dataclasses.replace(
            solid,
            centre=_place(axes.T @ np.asarray(solid.centre, np.float32) + np.asarray(by)),
            axes=solid.axes @ axes,
        )
        for solid in solids
    ]


def scaled(solids: Iterable[Solid], size: float) -> list[Solid]:
    """Solids ``size`` times as large, 0 staying where it is."""
    return [
        dataclasses.replace(
            solid,
            centre=_place(np.multiply(solid.centre, size)),
            half=_place(np.multiply(solid.half, size)),
        )
        for solid in solids
    ]


def bounds(solids: Sequence[Solid]) -> tuple[Place, Place]:
    """The lowest and the highest x, y and z of solids together."""
    corners = np.concatenate([solid.corners() for solid in solids], axis=1)
    return _place(corners.min(axis=1)), _place(corners.max(axis=1))


def _of(
    shape: Shape, centre: Place, size: Place, covering: Covering, axes: Vectors | None
) -> Solid:
    half = (size[0] / 2, size[1] / 2, size[2] / 2)
    return Solid(shape, centre, half, covering, turned() if axes is None else axes)


def _place(values: NDArray[np.floating]) -> Place:
    return float(values[0]), float(values[1]), float(values[2])


def _column(place: Place) -> Vectors:
    return np.array(place, np.float32)[:, None]


def _sheet(start: Vectors, step: Vectors, outline: Outline | None) -> Scalars:
    reach = -start[2] / step[2]
    x, y = start[0] + reach * step[0], start[1] + reach * step[1]
    hit = (np.abs(x) <= 1) & (np.abs(y) <= 1) & (reach > _NEAREST)
    if outline is not None:
        height, width = outline.shape
        column = ((np.where(hit, x, 0) + 1) / 2 * width).astype(np.int32).clip(0, width - 1)
        row = ((1 - np.where(hit, y, 0)) / 2 * height).astype(np.int32).clip(0, height - 1)
        hit &= outline[row, column]
    return np.where(hit, reach, np.float32(np.inf))


def _box(start: Vectors, step: Vectors) -> Scalars:
    """The last entry between two opposite faces, unless a way out comes first."""
    inverse = 1 / step
    middle, spread = -start * inverse, np.abs(inverse)
    enter, leave = (middle - spread).max(axis=0), (middle + spread).min(axis=0)
    return np.where((enter < leave) & (enter > _NEAREST), enter, np.float32(np.inf))


def _ball(start: Vectors, step: Vectors) -> Scalars:
    return _roots((step**2).sum(0), (start * step).sum(0), (start**2).sum(0) - 1)


def _cylinder(start: Vectors, step: Vectors) -> Scalars:
    flat_start, flat_step = start[::2], step[::2]
    side = _roots(
        (flat_step**2).sum(0), (flat_start * flat_step).sum(0), (flat_start**2).sum(0) - 1
    )
    height = start[1] + step[1] * np.where(np.isfinite(side), side, 0)
    side = np.where(np.abs(height) <= 1, side, np.float32(np.inf))
    lid = (np.where(step[1] > 0, np.float32(-1), np.float32(1)) - start[1]) / step[1]
    on_lid = ((flat_start + flat_step * lid) ** 2).sum(0) <= 1
    return np.minimum(side, np.where(on_lid & (lid > _NEAREST), lid, np.float32(np.inf)))


def _roots(squared: Scalars, half_linear: Scalars, constant: Scalars) -> Scalars:
    """The smaller root of ``squared t^2 + 2 half_linear t + constant``, infinite without any."""
    inside = half_linear**2 - squared * constant
    root = (-half_linear - np.sqrt(np.maximum(inside, 0))) / squared
    return np.where((inside >= 0) & (root > _NEAREST), root, np.float32(np.inf))
