"""Where rays start, which way they go, and which of them may meet a thing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.solids import Place, Vectors, turned

Window = tuple[slice, slice]

_NEAR = 0.02
# The twelve edges of a box, as pairs of its corners.
_EDGES = np.array(
    [[one, one | bit] for one in range(8) for bit in (1, 2, 4) if not one & bit], np.int64
)


@dataclass(frozen=True)
class Pose:
    """Where a camera is and looks: turned to the right, tilted up, rolled, all in degrees.

    ``angle`` is what the longer side of its picture spans.
    """

    eye: Place
    turn: float
    tilt: float
    roll: float
    angle: float

    def camera(self, size: tuple[int, int]) -> Camera:
        """With a picture of ``size`` (height, width)."""
        turn, tilt, roll = (math.radians(value) for value in (self.turn, self.tilt, self.roll))
        reach = math.tan(math.radians(self.angle) / 2)
        return Camera(self.eye, turned(turn, -tilt, roll), reach, size)


@dataclass(frozen=True)
class Camera:
    """A pinhole ``eye`` that looks along the last of its ``axes`` (right, up, forward).

    ``size``: (height, width) in pixels; ``reach``: how far aside a ray is at the end of the longer
    side, in lengths of its way ahead. Each ray goes 1 ahead, so that its length is depth.
    """

    eye: Place
    axes: Vectors
    reach: float
    size: tuple[int, int]

    @property
    def pixel(self) -> float:
        """From pixel to pixel at depth 1."""
        return 2 * self.reach / max(self.size)

    @property
    def everywhere(self) -> Window:
        return slice(0, self.size[0]), slice(0, self.size[1])

    @property
    def _eye(self) -> Vectors:
        return np.array(self.eye, np.float32)[:, None]

    @cached_property
    def _directions(self) -> Vectors:
        height, width = self.size
        across = (np.arange(width) + 0.5 - width / 2) * self.pixel
        up = (height / 2 - np.arange(height) - 0.5) * self.pixel
        return _grid(self.axes, across, up, 1.0)

    def rays(self, window: Window) -> tuple[Vectors, Vectors]:
        """Origin ``(3, 1)`` and directions ``(3, n)`` of the rays of a window, row by row."""
        return self._eye, self._directions[:, window[0], window[1]].reshape(3, -1)

    def window(self, corners: Vectors) -> Window | None:
        """The pixels that a convex thing with these corners ``(3, 8)``, a box's, may be seen in."""
        seen = self.axes @ (corners - self._eye)
        ahead = seen[2] > _NEAR
        if not ahead.any():
            return None
        points = seen[:, ahead]
        if not ahead.all():
            crossing = _EDGES[ahead[_EDGES[:, 0]] != ahead[_EDGES[:, 1]]]
            one, other = seen[:, crossing[:, 0]], seen[:, crossing[:, 1]]
            share = (_NEAR - one[2]) / (other[2] - one[2])
            points = np.concatenate([points, one + (other - one) * share], axis=1)
        across = points[0] / points[2] / self.pixel + self.size[1] / 2
        down = self.size[0] / 2 - points[1] / points[2] / self.pixel
        return _window(across, down, self.size)


@dataclass(frozen=True)
class Sun:
    """Parallel rays towards what a light of direction ``towards`` shines on: a shadow's camera.

    They fill a square of ``metres`` around ``middle``, ``side`` rays each way.
    """

    towards: Place
    middle: Place
    metres: float
    side: int

    @property
    def size(self) -> tuple[int, int]:
        return self.side, self.side

    @cached_property
    def axes(self) -> Vectors:
        """Right, up, and the way its light goes, as rows."""
        x, y, z = (-value for value in self.towards)
        length = math.hypot(x, y, z)
        return turned(math.atan2(x, z), -math.asin(y / length))

    @property
    def everywhere(self) -> Window:
        return slice(0, self.side), slice(0, self.side)

    def rays(self, window: Window) -> tuple[Vectors, Vectors]:
        """Origins ``(3, n)``, far on the light's side, and the direction ``(3, 1)``."""
        down, across = (np.arange(part.start, part.stop) + 0.5 for part in window)
        step = self.metres / self.side
        x, y = (across - self.side / 2) * step, (self.side / 2 - down) * step
        origin = _grid(self.axes, x, y, -self._far).reshape(3, -1)
        return origin + np.array(self.middle, np.float32)[:, None], self.axes[2][:, None]

    def places(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Of points ``(3, n)``: column and row, and the distance along the light."""
        seen = self.axes @ (points - np.array(self.middle, np.float32)[:, None])
        step = np.float32(self.metres / self.side)
        column, row = seen[0] / step + self.side / 2, self.side / 2 - seen[1] / step
        return np.stack([column, row]).astype(np.float32), seen[2] + np.float32(self._far)

    def window(self, corners: Vectors) -> Window | None:
        """The rays that may meet a thing with these corners."""
        (across, down), _ = self.places(corners)
        return _window(across, down, self.size)

    @property
    def _far(self) -> float:
        return 4 * self.metres


def _grid(
    axes: Vectors, across: NDArray[np.floating], up: NDArray[np.floating], ahead: float
) -> Vectors:
    """All places so far across and up, each ``ahead``, from a camera's view to the world's."""
    right, upwards, forward = axes.astype(np.float64)
    rows = upwards[:, None] * up + (forward * ahead)[:, None]
    columns = right[:, None] * across
    return np.asarray(rows.astype(np.float32)[:, :, None] + columns.astype(np.float32)[:, None])


def _window(
    across: NDArray[np.floating], down: NDArray[np.floating], size: tuple[int, int]
) -> Window | None:
    left, right = _between(across, size[1])
    top, bottom = _between(down, size[0])
    if left >= right or top >= bottom:
        return None
    return slice(top, bottom), slice(left, right)


def _between(places: NDArray[np.floating], side: int) -> tuple[int, int]:
    """The first pixel and the one past the last, with one to spare."""
    first = int(np.clip(np.floor(places.min()) - 1, 0, side))
    last = int(np.clip(np.ceil(places.max()) + 1, 0, side))
    return first, last
