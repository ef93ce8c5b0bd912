"""A depth map: its numbers, what they mean, and which of them say anything.

One convention for everybody. NaN is "no reading". Infinity, in metric depth only, is "farther than
can be told": as far as the farthest in a picture, and no point of a surface. ``near`` and ``far``
limit what counts; they are applied to the values, before anything is normalised by them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter
from service.imaging.depth_kind import DepthKind
from service.imaging.strips import in_strips, strips_in_turn
from service.imaging.transforms import DepthArray, Interpolation, centres, nearest, to_image_size

MAX_METRES = 1000.0
"""What lies farther, or beyond where a fit reaches infinity, is given as infinity; as this distance
where a format has no infinity."""

UPLOADED = "uploaded"
"""Stands for the network's name where a client sent the depth map."""

Mask = NDArray[np.bool_]

_SMALLEST_DEPTH = 1e-6
# Of 65536 levels, one is of no reading, one of infinity, and one is left for rounding.
_MOST_LEVELS = 65533
_TOLD_APART = 1e-6
# Cubic interpolation overshoots by less than its range: far from where float32 overflows.
_SAFE_VALUE = 1e37


@dataclass(frozen=True)
class DepthMap:
    """Depth values ``(height, width)`` float32 of one photo, and their meaning.

    ``enlarge`` is how the map is brought to a photo's size. ``near`` and ``far``: the nearest and
    the farthest value that count, in the map's unit (of inverse depth ``near`` is the larger
    number); None is the map's own. ``across`` ``(width,)`` and ``down`` ``(height,)`` are where in
    the photo its columns and rows lie, 0..1; None is the centres of a grid. ``guessed`` is, of a
    map that a client sent, the kind in which a network guessed it; None is a measurement.
    """

    values: DepthArray
    kind: DepthKind
    model: str
    enlarge: Interpolation = Interpolation.CUBIC
    near: float | None = None
    far: float | None = None
    across: NDArray[np.float64] | None = None
    down: NDArray[np.float64] | None = None
    guessed: DepthKind | None = None

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.values.shape[0])

    @property
    def unit(self) -> str | None:
        """``metre``, or None for relative depth."""
        return self.kind.unit

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether every value is finite, as in what networks answer."""

        # A sum of doubles is finite only then; for 12 MP OpenCV's takes 1 ms, a mask takes 4.
        def of_strip(first: int, end: int) -> float:
            return cv2.sumElems(self.values[first:end])[0]

        return math.isfinite(sum(in_strips(self.values.shape, of_strip)))

    @functools.cached_property
    def valid(self) -> Mask:
        """Where there is a reading, ``(h, w)``; infinity is one."""
        return np.ones(self.values.shape, np.bool_) if self.is_whole else ~np.isnan(self.values)

    @functools.cached_property
    def has_infinity(self) -> bool:
        """Whether something is farther than can be told."""
        metric = self.kind is DepthKind.METRIC_DEPTH
        return metric and not self.is_whole and bool(np.isposinf(self.values).any())

    @functools.cached_property
    def extent(self) -> tuple[float, float]:
        """Smallest and largest finite value; NaN for a map without any."""
        if self.is_whole:
            return extent(self.values)
        finite = self.values[np.isfinite(self.values)]
        return (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """The farthest and the nearest of :func:`inverse_values` that count.

        Those of the limits, else of the map's own values; 0 and 0 where it has no finite ones.
        """
        low, high = self.extent
        if math.isnan(low):
            return 0.0, 0.0
        if self.has_infinity:
            high = math.inf
        nearest, farthest = (high, low) if self.kind.is_inverse else (low, high)
        nearest = nearest if self.near is None else self.near
        farthest = farthest if self.far is None else self.far
        low, high = inverse_values(np.array([farthest, nearest], np.float32), self.kind).tolist()
        return low, high

    @property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where in the photo its columns and rows lie, 0..1."""
        across = centres(self.width) if self.across is None else self.across
        return across, centres(self.height) if self.down is None else self.down

    def replaced(self, values: DepthArray) -> DepthMap:
        """Other values of the same meaning and size."""
        return dataclasses.replace(self, values=values)

    def resized(self, width: int, height: int) -> DepthMap:
        """The map at a photo's size: by its way to enlarge, or of single pixels if it has gaps.

        No metres are less than the map's own smallest.
        """
        if (width, height) == (self.width, self.height):
            return self
        # A mean with what is unknown would be unknown, and one with infinity infinite.
        how = self.enlarge if self.is_whole else Interpolation.NEAREST
        values = self._without_undershoot(to_image_size(self.values, width, height, how))
        resized = dataclasses.replace(self, values=values, across=None, down=None)
        if self.is_whole and max(map(abs, self.extent)) < _SAFE_VALUE:
            # Means of such numbers are finite, and a pass over 12 MP takes milliseconds.
            vars(resized)["is_whole"] = True
        return resized

    def sampled(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> DepthMap:
        """Some of its pixels, in the order given, at the places where they are."""
        across, down = self.places
        values = self.values[rows[:, np.newaxis], columns]
        return dataclasses.replace(self, values=values, across=across[columns], down=down[rows])

    def sampled_at_size(self, width: int, height: int, most: tuple[int, int]) -> DepthMap:
        """:meth:`resized` to a photo's size, but only ``most`` (width, height) of its pixels.

        Column by column and then row by row, so that the others are never held.
        """
        columns, rows = nearest(width, min(most[0], width)), nearest(height, min(most[1], height))
        how = self.enlarge if self.is_whole else Interpolation.NEAREST
        some = to_image_size(self.values, width, self.height, how)[:, columns]
        some = to_image_size(np.ascontiguousarray(some), len(columns), height, how)[rows]
        across, down = centres(width)[columns], centres(height)[rows]
        values = self._without_undershoot(some)
        return dataclasses.replace(self, values=values, across=across, down=down)

    def _without_undershoot(self, values: DepthArray) -> DepthArray:
        """Enlarged ``values``, changed in place, of which no metres are less than the map's own.

        The cubic undershoots beside an edge, by more metres than are left of what is near.
        """
        is_cubic = self.is_whole and self.enlarge is Interpolation.CUBIC
        if is_cubic and self.kind is DepthKind.METRIC_DEPTH:
            np.maximum(values, np.float32(self.extent[0]), out=values)
        return values

    def limited(self, near: float | None, far: float | None) -> DepthMap:
        """The map with these limits; of metres, a ``near`` of 0 or less is none.

        Raises :class:`InvalidParameter` for limits that are the wrong way round, or that leave
        nothing of the map.
        """
        if near is not None and near <= 0 and self.kind is DepthKind.METRIC_DEPTH:
            near = None
        if near is None and far is None:
            return self
        limited = dataclasses.replace(self, near=near, far=far)
        low, high = limited.ends
        if not low < high:
            raise InvalidParameter(
                f"{_not_nearer(near, far, self.kind)}, whose values are "
                f"from {self.reported_extent[0]:.6g} to {self.reported_extent[1]:.6g}."
            )
        if not limited.counted.any():
            raise InvalidParameter("near and far leave nothing of this depth map.")
        return limited

    @property
    def counted(self) -> Mask:
        """Where values are finite and within the limits: what can be a point of a surface."""
        counted = np.isfinite(self.values)
        # Compared in the map's own numbers: an inverse and back would miss the ends by rounding.
        low, high = (self.far, self.near) if self.kind.is_inverse else (self.near, self.far)
        if low is not None:
            counted &= self.values >= np.float32(low)
        if high is not None:
            counted &= self.values <= np.float32(high)
        return counted

    @property
    def reported_extent(self) -> tuple[float, float]:
        """:attr:`extent`, in which infinity is the distance that :attr:`without_infinity` has.

        That is farther than the farthest reading by a level of 16 bits, so that those who read one
        tell it from the other.
        """
        low, high = self.extent
        if not self.has_infinity:
            return low, high
        if math.isnan(high):
            return MAX_METRES, MAX_METRES
        level = max((high - low) / _MOST_LEVELS, high * _TOLD_APART)
        return low, max(MAX_METRES, high + level)

    @property
    def without_infinity(self) -> DepthMap:
        """The map for formats without infinity: :data:`MAX_METRES`, or just beyond the farthest."""
        if not self.has_infinity:
            return self
        farthest = np.float32(self.reported_extent[1])
        return self.replaced(np.where(np.isinf(self.values), farthest, self.values))


def check_limits(near: float | None, far: float | None, kind: DepthKind) -> None:
    """Raise :class:`InvalidParameter` for limits that leave nothing of any map of that ``kind``."""
    nearest = 0.0 if near is None and kind is DepthKind.METRIC_DEPTH else near
    if nearest is None or far is None:
        return
    low, high = inverse_values(np.array([far, nearest], np.float32), kind).tolist()
    if not low < high:
        raise InvalidParameter(f"{_not_nearer(near, far, kind)}.")


def _not_nearer(near: float | None, far: float | None, kind: DepthKind) -> str:
    return (
        f"near and far: {near if near is not None else 'the nearest'} is not nearer than "
        f"{far if far is not None else 'the farthest'} in {kind}"
    )


def inverse_values(values: DepthArray, kind: DepthKind) -> DepthArray:
    """Values that grow towards the viewer, in proportion to disparity where that is known.

    The values ``(...)`` float32 themselves for relative inverse depth, their reciprocal (1/metre)
    for metric depth, their negative for relative depth.
    """
    if kind is DepthKind.RELATIVE_INVERSE_DEPTH:
        return values
    if kind is DepthKind.METRIC_DEPTH:
        metres = np.maximum(values, np.float32(_SMALLEST_DEPTH))
        return np.reciprocal(metres, out=metres)
    # Relative depth has an unknown shift, so its reciprocal would mean nothing.
    return -values


def extent(values: DepthArray) -> tuple[float, float]:
    """Smallest and largest of finite values ``(h, w)``."""

    def of_strip(first: int, end: int) -> tuple[float, float]:
        low, high, _, _ = cv2.minMaxLoc(values[first:end])
        return low, high

    lows, highs = zip(*in_strips(values.shape, of_strip), strict=True)
    return min(lows), max(highs)


def filled(values: DepthArray, known: Mask) -> DepthArray:
    """``values`` ``(h, w)`` with those that are not ``known`` taken from the nearest that is.

    For pictures, in which every pixel needs a value. Nothing known: all 0.
    """
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    # Without a name for the distances, which go at once; the rest in strips: a whole map more of
    # each were 245 MB of 24 megapixels.
    labels = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    of_label = np.empty(int(labels.max()) + 1, np.float32)
    for strip in strips_in_turn(values.shape):
        there = known[strip.rows]
        of_label[labels[strip.rows][there]] = values[strip.rows][there]
    result = np.empty(values.shape, np.float32)
    for strip in strips_in_turn(values.shape):
        result[strip.rows] = of_label[labels[strip.rows]]
    return result
