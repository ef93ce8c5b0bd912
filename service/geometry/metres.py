"""What turns one photo's depth into metres: points of known distance, or an earlier fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.errors import InvalidParameter
from service.geometry.calibration import (
    Anchor,
    Calibration,
    Distance,
    calibrate,
    check_anchor_metres,
    in_metres,
    to_metres,
    to_target,
)
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import MAX_METRES, DepthMap, inverse_values

_REUSED_NOTE = (
    "The fit of another photo: it holds for photos of the same scene by the same camera, as far as "
    "the network gives both the same scale. There are no points to check it with."
)
# Of the smallest range that a depth map may have, steeper than any fit; times the largest value,
# far from where float32 overflows.
_LARGEST = 1e20


@dataclass(frozen=True)
class MetresOptions:
    """``anchors`` are ``(x, y, metres)`` with x and y as shares (0..1) of the photo's sides.

    ``calibration`` is ``(intercept, slope)`` of an earlier one, instead of anchors.
    ``measuring_error`` is :func:`calibrate`'s.
    """

    anchors: tuple[tuple[float, float, float], ...] = ()
    calibration: tuple[float, float] | None = None
    measuring_error: float = 0.05

    @property
    def wanted(self) -> bool:
        """Whether there is anything to turn depth into metres by."""
        return bool(self.anchors) or self.calibration is not None

    def check(self, kind: DepthKind) -> None:
        """Raise :class:`InvalidParameter` for what brings no depth of this ``kind`` to metres."""
        if not self.wanted:
            return
        if self.anchors and self.calibration is not None:
            raise InvalidParameter("Give either anchors or a calibration, not both.")
        if kind is DepthKind.METRIC_DEPTH:
            needless = "anchors" if self.anchors else "calibration"
            raise InvalidParameter(f"This depth map is in metres already; it needs no {needless}.")
        for number, (_, _, metres) in enumerate(self.anchors):
            check_anchor_metres(number, metres)
        if self.calibration is not None:
            intercept, slope = self.calibration
            if not slope > 0:
                raise InvalidParameter("calibration: the slope must be above 0.")
            _check_size("calibration", intercept, slope)

    def kind_of(self, kind: DepthKind) -> DepthKind:
        """What a network's depth of this kind is in the end."""
        return DepthKind.METRIC_DEPTH if self.wanted else kind


@dataclass(frozen=True)
class Metres:
    """``1 / metres = intercept + slope * d`` of relative inverse depth ``d``.

    Of relative depth, ``-metres = intercept - slope * d``. ``calibration`` is how it was fitted,
    None for an earlier fit.
    """

    kind: DepthKind
    intercept: float
    slope: float
    calibration: Calibration | None = None

    @property
    def fit(self) -> tuple[float, float]:
        """Intercept and slope."""
        return self.intercept, self.slope

    def apply(self, depth: DepthMap) -> DepthMap:
        """``depth``, of the photo this was made for and at any size, in metres."""
        values = inverse_values(depth.values, depth.kind)
        return in_metres(depth, values * self.slope + self.intercept)

    def distance(self, value: float) -> Distance:
        """Metres of one value of :func:`service.imaging.depth_map.inverse_values`."""
        if self.calibration is not None:
            return self.calibration.distance(value)
        line = np.array([value * self.slope + self.intercept])
        return Distance(float(to_metres(line, self.kind)[0]), None, None)

    def distance_of(self, metres: float) -> Distance:
        """A distance that this fit gave, with its error bars."""
        target = float(to_target(np.array(metres), self.kind))
        return self.distance((target - self.intercept) / self.slope)

    def beyond_share(self, depth: DepthMap) -> float:
        """Share (0..1) of ``depth`` that the fit puts at :data:`MAX_METRES` or beyond infinity."""
        return float(np.isinf(self.apply(depth).values).mean())

    def facts(self, depth: DepthMap) -> dict[str, Any]:
        """The fit, its residuals and its error bars at the middle of the photo's ``depth``."""
        calibration = self.calibration
        # A client's map may have gaps, which have no middle.
        middle = float(np.nanmedian(inverse_values(depth.values, depth.kind)))
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "note": calibration.note if calibration else _REUSED_NOTE,
            "bars": calibration
            and {
                "centre": calibration.line.centre,
                "half_width": calibration.line.least_half_width,
                "growth": calibration.line.growth,
            },
            "middle": dataclasses.asdict(self.distance(middle)),
            "beyond_share": self.beyond_share(depth),
            "anchors": [
                {
                    "x": one.anchor.x / max(1, depth.width - 1),
                    "y": one.anchor.y / max(1, depth.height - 1),
                    "metres": one.anchor.metres,
                    "fitted_metres": one.fitted_metres,
                    "error_metres": one.error_metres,
                    "weight": one.weight,
                }
                for one in (calibration.residuals if calibration else ())
            ],
        }


def metres_of(depth: DepthMap, options: MetresOptions) -> Metres:
    """Fit, or take over the fit.

    Raises :class:`InvalidParameter`, saying why, as :meth:`MetresOptions.check`, and for a fit that
    is impossible (:func:`calibrate`) or puts everything out of reach.
    """
    options.check(depth.kind)
    if options.calibration is None:
        metres = _by_anchors(depth, options)
    else:
        metres = Metres(depth.kind, *options.calibration)
    # Of both alike: a fit that is answered is one that is taken.
    source, remedy = (
        ("calibration", "It is of another scene or network.")
        if metres.calibration is None
        else ("anchors", "Choose points of more different distances.")
    )
    _check_size(source, *metres.fit)
    if not metres.apply(depth).counted.any():
        raise InvalidParameter(
            f"{source}: the fit puts the whole photo at {MAX_METRES:g} m or beyond, or behind the "
            f"camera. {remedy}"
        )
    return metres


def _by_anchors(depth: DepthMap, options: MetresOptions) -> Metres:
    anchors = [
        Anchor(x * (depth.width - 1), y * (depth.height - 1), metres)
        for x, y, metres in options.anchors
    ]
    calibration = calibrate(depth, anchors, options.measuring_error)
    line = calibration.line
    return Metres(depth.kind, line.intercept, line.slope, calibration)


def _check_size(source: str, intercept: float, slope: float) -> None:
    if not max(abs(intercept), slope) <= _LARGEST:
        raise InvalidParameter(f"{source}: no number of the fit may be beyond {_LARGEST:g}.")
