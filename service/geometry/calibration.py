"""Metres from relative depth, by points of known distance.

A network's relative inverse depth ``d`` has an unknown scale and shift per photo, so
``1 / metres = a + b * d`` (Ranftl et al., "Towards Robust Monocular Depth Estimation", 2020,
section 5). Two points determine ``a`` and ``b``; more are fitted robustly and show how well the
photo's depth keeps to that line. Relative (not inverse) depth is fitted as ``metres = a + b * d``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter
from service.geometry.line_fit import LineFit, fit_line
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import MAX_METRES, DepthMap, inverse_values
from service.imaging.limits import check_range
from service.imaging.transforms import DepthArray

MAX_ANCHORS = 100

_WINDOW = 2
_SMALLEST_SPREAD = 0.02
# How far a network's depth lies off the best line, one standard deviation as a share of the map's
# range: depth_lite_256 on the Middlebury motorcycle is off by 0.19. With 0.15, which heavy tails
# allow, bars of 2 to 5 of its points at random hold 91% to 94% of the true distances, and those of
# 24 made-up scenes 88% to 89% (`python -m load_tests.bars`); with 0 those of 2 of the motorcycle's
# hold 48%, and those of 3 are four times as wide.
_TYPICAL_MISFIT = 0.15
_MAD_TO_SIGMA = 1.4826
_TINY = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Anchor:
    """A point of known distance: ``x`` and ``y`` in pixels of the depth map, ``metres`` > 0."""

    x: float
    y: float
    metres: float


@dataclass(frozen=True)
class Distance:
    """Metres with bars that hold in about 95% of cases.

    No ``high`` when it may be infinite; neither where there were no points to tell them by.
    """

    metres: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Residual:
    """How an anchor fits: what the fit says there, the difference, and its weight (1 = full)."""

    anchor: Anchor
    fitted_metres: float
    error_metres: float
    weight: float


@dataclass(frozen=True)
class Calibration:
    """A fit from a depth map's values to metres, with its uncertainty.

    ``outside`` numbers the anchors, from 1, that are off by more than their error bar.
    """

    kind: DepthKind
    line: LineFit
    residuals: tuple[Residual, ...]
    outside: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """What the error bars stand for, in a sentence."""
        if len(self.residuals) == 2:
            return (
                "Two points determine the fit and leave nothing to check it with: the error bars "
                "assume that the network is as far off as networks typically are."
            )
        note = (
            "The error bars cover the points' measuring errors, how well they fit together, and "
            "how far off networks typically are."
        )
        if self.outside:
            which = ", ".join(map(str, self.outside))
            note += (
                f" Off by more than its error bar is point {which}: it was misread or mistyped, or "
                "the network is wrong there."
            )
        return note

    def bounds(self, depth: DepthMap) -> tuple[DepthArray, DepthArray]:
        """Lower and upper metres of every pixel, ``(h, w)`` float32; ``inf`` without a bound."""
        values = inverse_values(depth.values, depth.kind)
        middle, half = self._line_at(values), self.line.half_width(values)
        low = to_metres(middle + half, self.kind)
        high = to_metres(middle - half, self.kind)
        unbounded = self._beyond(middle - half)
        return low.astype(np.float32), np.where(unbounded, np.inf, high).astype(np.float32)

    def distance(self, value: float) -> Distance:
        """Metres of one value of :func:`service.imaging.depth_map.inverse_values`."""
        at = np.array([value])
        middle, half = self._line_at(at), self.line.half_width(at)
        high = float(to_metres(middle - half, self.kind)[0])
        return Distance(
            metres=float(to_metres(middle, self.kind)[0]),
            low=float(to_metres(middle + half, self.kind)[0]),
            high=None if bool(self._beyond(middle - half)[0]) else high,
        )

    def _line_at(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        # Python floats keep a float32 map float32: at 12 MP that halves the memory.
        return values * float(self.line.slope) + float(self.line.intercept)

    def _beyond(self, target: NDArray[np.floating]) -> NDArray[np.bool_]:
        beyond: NDArray[np.bool_] = target <= to_target(np.array([MAX_METRES]), self.kind)
        return beyond


def calibrate(
    depth: DepthMap, anchors: Sequence[Anchor], measuring_error: float = 0.05
) -> Calibration:
    """Fit metres to ``depth`` by 2 to :data:`MAX_ANCHORS` anchors.

    ``measuring_error`` is how exactly the distances are known, one standard deviation as a share
    of the distance (0.001..0.5). Raises :class:`InvalidParameter`, saying why, for a fit that is
    impossible: fewer than two points, points outside the map, distances that are not positive,
    points at the same relative depth, nearer points that are farther in the depth map, or a depth
    map that is metric already.
    """
    check_range("measuring_error", measuring_error, 0.001, 0.5)
    if depth.kind is DepthKind.METRIC_DEPTH:
        raise InvalidParameter("This depth map is in metres already; it needs no anchors.")
    _check_anchors(depth, anchors)
    values = inverse_values(depth.values, depth.kind)
    readings = np.array([_read(values, anchor) for anchor in anchors])
    level, spread = readings[:, 0], readings[:, 1]
    _check_spread(depth, level)

    metres = np.array([anchor.metres for anchor in anchors], np.float64)
    target = to_target(metres, depth.kind)
    sigma = np.abs(target) * measuring_error
    low, high = depth.extent
    line = fit_line(level, target, sigma, spread, _TYPICAL_MISFIT * (high - low))
    if not line.slope > 0:
        raise InvalidParameter(
            "The anchors contradict the depth map: points that are said to be farther look nearer "
            "in it. Check their order, and that x runs to the right and y down."
        )
    fitted = to_metres(line.slope * level + line.intercept, depth.kind)
    residuals = tuple(
        Residual(anchor, float(at), float(at - anchor.metres), float(weight))
        for anchor, at, weight in zip(anchors, fitted, line.weights, strict=True)
    )
    off = np.abs(target - line.slope * level - line.intercept) > line.half_width(level)
    outside = tuple(int(number) for number in np.flatnonzero(off) + 1)
    return Calibration(depth.kind, line, residuals, outside)


def _check_anchors(depth: DepthMap, anchors: Sequence[Anchor]) -> None:
    if len(anchors) < 2:
        raise InvalidParameter(
            "Metres need at least two anchors: relative depth has an unknown scale and an unknown "
            f"shift, and {len(anchors)} cannot tell both."
        )
    if len(anchors) > MAX_ANCHORS:
        raise InvalidParameter(f"There may be at most {MAX_ANCHORS} anchors.")
    for number, anchor in enumerate(anchors):
        check_range(f"anchors[{number}].x", anchor.x, 0, depth.width - 1)
        check_range(f"anchors[{number}].y", anchor.y, 0, depth.height - 1)
        check_anchor_metres(number, anchor.metres)


def check_anchor_metres(number: int, metres: float) -> None:
    """Raise :class:`InvalidParameter` for a distance that the anchor of this number cannot have."""
    check_range(f"anchors[{number}].metres", metres, 0.01, MAX_METRES)


def _check_spread(depth: DepthMap, level: Floats) -> None:
    low, high = depth.extent
    if float(np.ptp(level)) <= _SMALLEST_SPREAD * (high - low):
        raise InvalidParameter(
            "The anchors lie at the same relative depth (within 2% of the map's range), so they "
            "cannot tell scale from shift. Choose one near and one far point."
        )


def _read(values: DepthArray, anchor: Anchor) -> tuple[float, float]:
    """Median of the readings among the 5x5 pixels around an anchor, and their spread.

    The spread is a standard deviation. Raises :class:`InvalidParameter` where there is no reading.
    """
    x, y = round(anchor.x), round(anchor.y)
    window = values[
        max(0, y - _WINDOW) : y + _WINDOW + 1, max(0, x - _WINDOW) : x + _WINDOW + 1
    ].astype(np.float64)
    readings = window[np.isfinite(window)]
    if not readings.size:
        raise InvalidParameter(
            f"anchors: the depth map has no reading around the point of {anchor.metres:g} m."
        )
    level = float(np.median(readings))
    return level, _MAD_TO_SIGMA * float(np.median(np.abs(readings - level)))


def to_target(metres: Floats, kind: DepthKind) -> Floats:
    """What is linear in a map's values and grows towards the viewer."""
    return -metres if kind is DepthKind.RELATIVE_DEPTH else 1 / metres


def to_metres(target: NDArray[np.floating], kind: DepthKind) -> NDArray[np.floating]:
    """From what a fit's line says to metres, at most :data:`MAX_METRES`."""
    if kind is DepthKind.RELATIVE_DEPTH:
        return np.asarray(np.clip(-target, 0, MAX_METRES))
    # Not 1 / max(target, 0.001), which in float32 is 999.99994.
    return np.asarray(np.minimum(1 / np.maximum(target, _TINY), MAX_METRES))


def in_metres(depth: DepthMap, target: NDArray[np.floating]) -> DepthMap:
    """``depth`` in metres, where a fit's line says ``target`` ``(h, w)`` of it.

    Infinity from :data:`MAX_METRES` on; NaN where a line of relative depth falls to 0, since
    nothing lies there.
    """
    metres = np.asarray(to_metres(target, depth.kind), np.float32)
    metres[metres >= MAX_METRES] = np.inf
    if depth.kind is DepthKind.RELATIVE_DEPTH:
        metres[metres <= 0] = np.nan
    return dataclasses.replace(depth, values=metres, kind=DepthKind.METRIC_DEPTH)
