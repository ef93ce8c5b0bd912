from __future__ import annotations

import math

import numpy as np
import pytest

from service.errors import InvalidParameter
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap

INTERCEPT, SLOPE = 0.1, 0.4


def scene(kind: DepthKind = DepthKind.RELATIVE_INVERSE_DEPTH) -> tuple[DepthMap, np.ndarray]:
    """A ramp of relative depth, and its true metres."""
    ramp = np.tile(np.linspace(0.2, 2.0, 101, dtype=np.float32), (51, 1))
    if kind is DepthKind.RELATIVE_DEPTH:
        return DepthMap(ramp, kind, "test"), 2.0 + 3.0 * ramp
    return DepthMap(ramp, kind, "test"), 1 / (INTERCEPT + SLOPE * ramp)


def anchors_of(metres: np.ndarray, *columns: int) -> tuple[tuple[float, float, float], ...]:
    return tuple((column / 100, 0.5, float(metres[25, column])) for column in columns)


@pytest.mark.parametrize("kind", [DepthKind.RELATIVE_INVERSE_DEPTH, DepthKind.RELATIVE_DEPTH])
@pytest.mark.parametrize("columns", [(5, 95), (5, 40, 60, 95)])
def test_anchors_make_metres_of_every_pixel(kind: DepthKind, columns: tuple[int, ...]) -> None:
    depth, truth = scene(kind)
    metres = metres_of(depth, MetresOptions(anchors_of(truth, *columns)))
    measured = metres.apply(depth)
    assert measured.kind is DepthKind.METRIC_DEPTH
    assert np.allclose(measured.values, truth, rtol=1e-4)


def test_the_fit_is_told_with_its_residuals_and_its_error() -> None:
    depth, truth = scene()
    facts = metres_of(depth, MetresOptions(anchors_of(truth, 5, 50, 95))).facts(depth)
    assert (facts["intercept"], facts["slope"]) == pytest.approx((INTERCEPT, SLOPE), rel=1e-4)
    assert [anchor["x"] for anchor in facts["anchors"]] == pytest.approx([0.05, 0.5, 0.95])
    assert [anchor["error_metres"] for anchor in facts["anchors"]] == pytest.approx(
        [0, 0, 0], abs=1e-4
    )
    middle = facts["middle"]
    assert middle["low"] < middle["metres"] < middle["high"]
    assert middle["metres"] == pytest.approx(float(np.median(truth)), rel=1e-3)


@pytest.mark.parametrize("columns", [(5, 95), (5, 40, 60, 95)])
def test_the_bars_of_every_depth_follow_from_three_numbers(columns: tuple[int, ...]) -> None:
    """What a client does with `intercept`, `slope` and `bars`."""
    depth, truth = scene()
    metres = metres_of(depth, MetresOptions(anchors_of(truth * 1.01, *columns)))
    facts = metres.facts(depth)
    for d in (0.3, 1.0, 1.9):
        line = facts["intercept"] + facts["slope"] * d
        bars = facts["bars"]
        half = math.hypot(bars["half_width"], bars["growth"] * (d - bars["centre"]))
        distance = metres.distance(d)
        assert distance.low == pytest.approx(1 / (line + half))
        assert distance.high == (pytest.approx(1 / (line - half)) if line > half else None)


def test_a_fit_can_be_used_again_but_has_no_error_bars() -> None:
    depth, truth = scene()
    metres = metres_of(depth, MetresOptions(calibration=(INTERCEPT, SLOPE)))
    assert np.allclose(metres.apply(depth).values, truth, rtol=1e-5)
    facts = metres.facts(depth)
    assert facts["anchors"] == []
    assert facts["bars"] is None
    assert facts["middle"]["low"] is facts["middle"]["high"] is None
    assert "another photo" in facts["note"]


@pytest.mark.parametrize(
    ("kind", "fit"),
    [
        (DepthKind.RELATIVE_INVERSE_DEPTH, (-0.4 * 1.1, 0.4)),
        (DepthKind.RELATIVE_DEPTH, (-(1000 - 4.0 * 1.1), 4.0)),
    ],
)
def test_the_share_that_is_out_of_reach_is_told(kind: DepthKind, fit: tuple[float, float]) -> None:
    """Half of the ramp lies beyond where the line says 1000 m."""
    depth, _ = scene(kind)
    metres = metres_of(depth, MetresOptions(calibration=fit))
    assert metres.facts(depth)["beyond_share"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (MetresOptions(((0.1, 0.5, 2.0),)), "at least two"),
        (MetresOptions(((0.1, 0.5, 2.0), (0.1, 0.5, 3.0))), "same relative depth"),
        (MetresOptions(((0.1, 0.5, 1.0), (0.9, 0.5, 9.0))), "contradict"),
        (MetresOptions(calibration=(0.1, 0.0)), "slope"),
        (MetresOptions(calibration=(0.1, math.nan)), "slope"),
        (MetresOptions(calibration=(math.nan, 0.4)), "no number"),
        (MetresOptions(calibration=(-10.0, 0.4)), "whole photo"),
        (MetresOptions(((0.1, 0.5, 9.0), (0.9, 0.5, 1.0)), calibration=(0.1, 0.4)), "not both"),
    ],
)
def test_what_cannot_be_fitted_says_why(options: MetresOptions, why: str) -> None:
    with pytest.raises(InvalidParameter, match=why):
        metres_of(scene()[0], options)


def test_metres_need_no_metres() -> None:
    _, truth = scene()
    measured = DepthMap(truth.astype(np.float32), DepthKind.METRIC_DEPTH, "test")
    for options in (MetresOptions(anchors_of(truth, 5, 95)), MetresOptions(calibration=(0.1, 0.4))):
        with pytest.raises(InvalidParameter, match="metres already"):
            metres_of(measured, options)


def test_a_fit_that_puts_everything_behind_the_camera_is_refused() -> None:
    depth, _ = scene(DepthKind.RELATIVE_DEPTH)
    with pytest.raises(InvalidParameter, match="behind the camera"):
        metres_of(depth, MetresOptions(calibration=(10.0, 1.0)))
    # Half of it is: nothing lies there, and it has no reading.
    measured = metres_of(depth, MetresOptions(calibration=(1.1, 1.0))).apply(depth)
    assert 0 < np.isnan(measured.values).mean() < 1
    assert np.nanmin(measured.values) > 0
