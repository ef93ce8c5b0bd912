from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from service.api.metres import ANCHORS
from service.errors import InvalidParameter
from service.geometry.calibration import MAX_ANCHORS, Anchor, Calibration, calibrate
from service.geometry.line_fit import fit_line
from service.geometry.metres import Metres
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from tests.support.depths import inverse_depth, motorcycle_inverse, motorcycle_metres


def scene() -> tuple[DepthMap, NDArray[np.float64]]:
    """A map with a known law, 1/metres = 0.05 + 0.3 d, and its metres: 2.86 (right) to 20."""
    level = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[np.newaxis], 60, axis=0)
    return inverse_depth(level), 1 / (0.05 + 0.3 * level.astype(np.float64))


def anchors_at(metres: NDArray[np.float64], columns: list[int]) -> list[Anchor]:
    return [Anchor(x, 30, float(metres[30, x])) for x in columns]


def applied(calibration: Calibration, depth: DepthMap) -> DepthMap:
    line = calibration.line
    return Metres(calibration.kind, line.intercept, line.slope, calibration).apply(depth)


def test_two_anchors_give_the_metres_back() -> None:
    depth, metres = scene()
    calibration = calibrate(depth, anchors_at(metres, [20, 180]))
    fitted = applied(calibration, depth)
    assert fitted.kind is DepthKind.METRIC_DEPTH
    assert fitted.values.dtype == np.float32
    np.testing.assert_allclose(fitted.values, metres, rtol=1e-4)


def test_gaps_around_an_anchor_are_no_readings() -> None:
    values = np.repeat(np.linspace(1, 2, 60, dtype=np.float32)[np.newaxis], 40, axis=0)
    anchors = [Anchor(10, 20, 3), Anchor(50, 20, 1)]
    whole = calibrate(inverse_depth(values), anchors)
    values[18:21, 10] = np.nan
    assert calibrate(inverse_depth(values), anchors).line.slope == pytest.approx(whole.line.slope)
    values[18:23, 8:13] = np.nan
    with pytest.raises(InvalidParameter, match="no reading around the point of 3 m"):
        calibrate(inverse_depth(values), anchors)


def test_two_anchors_say_that_nothing_checks_them() -> None:
    depth, metres = scene()
    assert "nothing to check" in calibrate(depth, anchors_at(metres, [20, 180])).note
    assert "nothing" not in calibrate(depth, anchors_at(metres, [20, 90, 180])).note


def test_relative_depth_is_fitted_in_metres_itself() -> None:
    metres = np.repeat(np.linspace(2, 8, 100)[np.newaxis], 20, axis=0)
    depth = DepthMap((metres * 3 - 1).astype(np.float32), DepthKind.RELATIVE_DEPTH, "test")
    calibration = calibrate(depth, [Anchor(10, 9, metres[9, 10]), Anchor(90, 9, metres[9, 90])])
    np.testing.assert_allclose(applied(calibration, depth).values, metres, rtol=1e-4)


def test_one_blunder_among_many_anchors_hardly_moves_the_fit() -> None:
    depth, metres = scene()
    anchors = anchors_at(metres, [10, 40, 70, 100, 130, 160, 190])
    blunder = [*anchors[:3], Anchor(100, 30, 40.0), *anchors[4:]]
    calibration = calibrate(depth, blunder)
    np.testing.assert_allclose(applied(calibration, depth).values, metres, rtol=0.1)
    assert calibration.residuals[3].weight < 0.2
    assert min(residual.weight for residual in calibration.residuals[:3]) > 0.5
    assert calibration.residuals[3].error_metres < -20


def test_bars_hold_the_truth_about_95_times_in_100() -> None:
    depth, metres = scene()
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        columns = rng.choice(np.arange(5, 195, 10), 5, replace=False)
        noise = 1 + 0.05 * rng.standard_normal(5)
        anchors = [
            Anchor(int(x), 30, float(metres[30, x] * error))
            for x, error in zip(columns, noise, strict=True)
        ]
        low, high = calibrate(depth, anchors).bounds(depth)
        held.append(((low <= metres) & (metres <= high))[30].mean())
    assert 0.93 < np.mean(held) <= 1.0


@pytest.mark.parametrize("count", [2, 3, 6])
def test_bars_hold_though_the_network_is_off_and_few_anchors_show_it(count: int) -> None:
    depth, metres = scene()
    rng = np.random.default_rng(0)
    held = []
    for _ in range(200):
        off = np.repeat(rng.normal(0, 0.12, 20), 10).astype(np.float32)
        columns = [5, *rng.choice(np.arange(65, 135, 10), count - 2, replace=False).tolist(), 195]
        photo = inverse_depth(depth.values + off)
        low, high = calibrate(photo, anchors_at(metres, columns)).bounds(photo)
        held.append(((low <= metres) & (metres <= high))[30].mean())
    assert np.mean(held) > 0.93


def test_bars_are_wider_away_from_the_anchors() -> None:
    depth, metres = scene()
    calibration = calibrate(depth, anchors_at(metres, [150, 190]))
    low, high = calibration.bounds(depth)
    relative = (high - low)[30] / metres[30]
    assert relative[170] < relative[100]
    assert np.isinf(high[30, 0])


def test_a_distance_that_may_be_infinite_has_no_upper_bound() -> None:
    depth, metres = scene()
    calibration = calibrate(depth, anchors_at(metres, [150, 190]))
    assert calibration.distance(0.0).high is None
    near = calibration.distance(0.9)
    assert near.low is not None
    assert near.high is not None
    assert near.low < near.metres < near.high


def test_anchors_that_disagree_widen_the_bars() -> None:
    depth, metres = scene()
    agreeing = anchors_at(metres, [10, 60, 110, 160])
    shaken = [
        Anchor(a.x, a.y, a.metres * factor)
        for a, factor in zip(agreeing, (1.3, 0.75, 1.3, 0.8), strict=True)
    ]
    widths = [
        np.subtract(*calibrate(depth, a).bounds(depth)[::-1])[30, 160] for a in (agreeing, shaken)
    ]
    assert widths[1] > 2 * widths[0]


def test_what_the_fit_does_not_reach_is_at_infinity() -> None:
    depth, _ = scene()
    calibration = calibrate(depth, [Anchor(100, 30, 50.0), Anchor(199, 30, 2.0)])
    values = applied(calibration, depth).values
    assert values[30, 0] == np.inf
    assert values[30, 199] == pytest.approx(2.0, abs=0.03)
    assert not np.isnan(values).any()


def test_true_inverse_depth_of_a_real_photo_calibrates_to_the_centimetre() -> None:
    metres = motorcycle_metres()
    rows, columns = np.nonzero(np.isfinite(metres))
    chosen = np.random.default_rng(1).integers(0, rows.size, 40)
    anchors = [Anchor(int(columns[i]), int(rows[i]), metres[rows[i], columns[i]]) for i in chosen]
    depth = motorcycle_inverse()
    fitted = applied(calibrate(depth, anchors), depth).values
    assert np.nanmedian(np.abs(fitted - metres)) < 0.01


@pytest.mark.parametrize("count", [2, 3, 100, 201])
def test_points_fit_in_whatever_order_they_come(count: int) -> None:
    for level in (np.arange(count) % 2, np.arange(count) // (count - 1), np.arange(count)):
        at = level.astype(np.float64)
        line = fit_line(at, 3 * at - 1, np.full(count, 0.1), np.zeros(count))
        assert (line.slope, line.intercept) == pytest.approx((3, -1))


def test_there_are_as_many_anchors_at_most_as_a_query_may_hold() -> None:
    depth, metres = scene()
    anchor = "0.1,0.5,4"
    assert ANCHORS.fullmatch(";".join([anchor] * MAX_ANCHORS))
    assert not ANCHORS.fullmatch(";".join([anchor] * (MAX_ANCHORS + 1)))
    with pytest.raises(InvalidParameter, match=f"at most {MAX_ANCHORS} anchors"):
        calibrate(depth, anchors_at(metres, [20, 180] * MAX_ANCHORS))


def test_a_fit_that_is_no_number_is_refused() -> None:
    depth, metres = scene()
    depth.values[:, 15:26] = math.nan
    with pytest.raises(InvalidParameter):
        calibrate(depth, anchors_at(metres, [20, 180]))


@pytest.mark.parametrize(
    ("anchors", "why"),
    [
        ([], "at least two"),
        ([Anchor(10, 10, 2)], "at least two"),
        ([Anchor(10, 10, 2), Anchor(200, 10, 4)], r"anchors\[1\].x must be from 0 to 199"),
        ([Anchor(10, -1, 2), Anchor(100, 10, 4)], r"anchors\[0\].y must be from 0 to 59"),
        ([Anchor(10, 10, 0), Anchor(100, 10, 4)], r"anchors\[0\].metres must be from 0.01"),
        ([Anchor(10, 10, math.nan), Anchor(100, 10, 4)], "metres must be from"),
        ([Anchor(math.nan, 10, 1), Anchor(100, 10, 4)], "x must be from"),
        ([Anchor(100, 10, 2), Anchor(100, 50, 4)], "same relative depth"),
        ([Anchor(10, 10, 2), Anchor(190, 10, 9)], "farther look nearer"),
        ([Anchor(10, 10, 5), Anchor(190, 10, 5)], "farther look nearer"),
    ],
)
def test_an_impossible_fit_is_refused_and_says_why(anchors: list[Anchor], why: str) -> None:
    depth, _ = scene()
    with pytest.raises(InvalidParameter, match=why):
        calibrate(depth, anchors)


def test_metric_depth_needs_no_anchors() -> None:
    depth = DepthMap(np.ones((9, 9), np.float32), DepthKind.METRIC_DEPTH, "test")
    with pytest.raises(InvalidParameter, match="already"):
        calibrate(depth, [Anchor(1, 1, 1), Anchor(2, 2, 2)])


def test_the_measuring_error_has_a_range() -> None:
    depth, metres = scene()
    with pytest.raises(InvalidParameter, match="measuring_error must be from"):
        calibrate(depth, anchors_at(metres, [20, 180]), measuring_error=math.nan)


def test_a_point_that_is_off_by_more_than_its_bar_is_named() -> None:
    depth, truth = scene()
    columns = (20, 50, 80, 110, 140, 170, 190)
    anchors = [Anchor(x, 30, float(truth[30, x])) for x in columns]
    assert calibrate(depth, anchors).outside == ()
    blunder = dataclasses.replace(anchors[3], metres=4 * anchors[3].metres)
    fitted = calibrate(depth, [*anchors[:3], blunder, *anchors[4:]], measuring_error=0.01)
    assert fitted.outside == (4,)
    assert "point 4" in fitted.note
