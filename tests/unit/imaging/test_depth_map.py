from __future__ import annotations

import math

import numpy as np
import pytest

from service.errors import InvalidParameter
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import MAX_METRES, DepthMap, filled
from service.imaging.render import heat_indices, nearness
from service.imaging.steady_depth import SteadyDepth
from service.imaging.transforms import Interpolation, nearest

METRIC = DepthKind.METRIC_DEPTH


def metric(*values: float) -> DepthMap:
    return DepthMap(np.array([values], np.float32), METRIC, "test")


def test_what_has_no_reading_changes_nothing_of_the_others() -> None:
    whole, with_gap = metric(2.1, 3.0, 4.9), metric(2.1, math.nan, 3.0, 4.9)
    assert with_gap.extent == whole.extent
    assert with_gap.valid.tolist() == [[True, False, True, True]]
    assert np.array_equal(nearness(with_gap)[:, [0, 2, 3]], nearness(whole))
    assert np.array_equal(heat_indices(with_gap)[:, [0, 2, 3]], heat_indices(whole))
    assert nearness(with_gap)[0, 1] == heat_indices(with_gap)[0, 1] == 0
    steady = SteadyDepth().follow(with_gap).indices
    assert np.array_equal(steady[:, [0, 2, 3]], SteadyDepth().follow(whole).indices)


def test_infinity_is_the_farthest_and_in_no_statistics() -> None:
    depth = metric(0.5, 2.0, math.inf)
    assert depth.extent == (0.5, 2.0)
    assert nearness(depth)[0].tolist() == pytest.approx([1, 0.25, 0])
    assert depth.counted[0].tolist() == [True, True, False]
    assert depth.valid.all()
    assert depth.without_infinity.values[0].tolist() == [0.5, 2.0, MAX_METRES]


@pytest.mark.parametrize(
    ("kind", "near", "far", "counted"),
    [
        (METRIC, 2, 4, [False, True, True, True, False]),
        (DepthKind.RELATIVE_DEPTH, 2, 4, [False, True, True, True, False]),
        (DepthKind.RELATIVE_INVERSE_DEPTH, 4, 2, [False, True, True, True, False]),
        (METRIC, None, 3, [True, True, True, False, False]),
        (METRIC, 3, None, [False, False, True, True, True]),
    ],
)
def test_limits_hold_for_pictures_and_surfaces_alike(
    kind: DepthKind, near: float | None, far: float | None, counted: list[bool]
) -> None:
    depth = DepthMap(np.array([[1, 2, 3, 4, 5]], np.float32), kind, "test").limited(near, far)
    assert depth.counted[0].tolist() == counted
    shown = nearness(depth)[0][counted]
    assert [shown.min(), shown.max()] == pytest.approx([0, 1])
    assert (heat_indices(depth)[0][~np.array(counted)] % 255 == 0).all()


@pytest.mark.parametrize(
    ("kind", "near", "far"),
    [(METRIC, 4, 2), (DepthKind.RELATIVE_INVERSE_DEPTH, 2, 4), (METRIC, 3, 3), (METRIC, 6, 7)],
)
def test_limits_that_leave_nothing_are_refused(kind: DepthKind, near: float, far: float) -> None:
    depth = DepthMap(np.array([[1, 2, 3, 4, 5]], np.float32), kind, "test")
    with pytest.raises(InvalidParameter, match="near and far"):
        depth.limited(near, far)


@pytest.mark.parametrize("near", [0, -0.0, -1])
@pytest.mark.parametrize("far", [None, 4])
def test_no_metres_are_nearer_than_0_so_that_is_no_limit(near: float, far: float | None) -> None:
    depth = metric(1, 2, 5)
    assert np.array_equal(
        heat_indices(depth.limited(near, far)), heat_indices(depth.limited(None, far))
    )
    above = depth.limited(1e-3, far)
    assert above.near == 1e-3 and heat_indices(above).max() < 10


@pytest.mark.parametrize("kind", [kind for kind in DepthKind if kind is not METRIC])
def test_0_is_a_limit_of_relative_depth(kind: DepthKind) -> None:
    """Its shift is unknown, so 0 is a value like any other."""
    depth = DepthMap(np.array([[-4, -2, 1, 4]], np.float32), kind, "test").limited(0, None)
    assert depth.near == 0
    assert depth.counted[0].tolist() == (
        [True, True, False, False] if kind.is_inverse else [False, False, True, True]
    )


def test_a_map_of_gaps_alone_is_all_dark() -> None:
    assert not heat_indices(metric(math.nan, math.nan)).any()
    assert not heat_indices(metric(math.inf, math.nan)).any()


def test_a_map_with_gaps_is_enlarged_without_mixing_them_in() -> None:
    values = metric(1, math.nan, 4, math.inf).resized(8, 2).values
    assert np.array_equal(values[0], [1, 1, np.nan, np.nan, 4, 4, np.inf, np.inf], equal_nan=True)


def test_gaps_are_filled_from_the_nearest_reading() -> None:
    values = np.array([[1, np.nan, np.nan, np.nan, 5]], np.float32)
    assert filled(values, ~np.isnan(values))[0, [0, 1, 3, 4]].tolist() == [1, 1, 5, 5]


def test_the_nearest_pixels_of_a_row_lie_under_the_centres() -> None:
    assert nearest(4, 2).tolist() == [1, 3]
    assert nearest(2, 4).tolist() == [0, 0, 1, 1]
    assert nearest(5, 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("how", Interpolation)
def test_some_pixels_of_a_photo_are_those_of_the_whole_map(how: Interpolation) -> None:
    values = np.random.default_rng(0).random((16, 24), np.float32)
    depth = DepthMap(values, DepthKind.RELATIVE_INVERSE_DEPTH, "test", how)
    whole = depth.resized(301, 201)
    some = depth.sampled_at_size(301, 201, (50, 40))
    across, down = some.places
    columns, rows = np.floor(across * 301).astype(int), np.floor(down * 201).astype(int)
    assert some.values.shape == (40, 50)
    np.testing.assert_allclose(some.values, whole.values[np.ix_(rows, columns)], atol=2e-6)


@pytest.mark.parametrize("how", Interpolation)
@pytest.mark.parametrize("largest", [1.0, 3e38])
@pytest.mark.parametrize("gap", [None, np.nan, np.inf])
def test_an_enlarged_map_is_whole_exactly_if_all_its_values_are_finite(
    how: Interpolation, largest: float, gap: float | None
) -> None:
    values = np.where(np.indices((6, 8)).sum(axis=0) % 3, 0, largest).astype(np.float32)
    if gap is not None:
        values[2, 3] = gap
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, "any", how)
    enlarged = depth.resized(31, 22)
    assert enlarged.is_whole == np.isfinite(enlarged.values).all()
    assert enlarged.replaced(np.full((22, 31), np.nan, np.float32)).is_whole is False


@pytest.mark.parametrize("how", Interpolation)
def test_no_metres_of_an_enlarged_map_are_less_than_its_own(how: Interpolation) -> None:
    """A hand before a wall: beside it, the cubic has metres below 0."""
    values = np.full((6, 8), 10, np.float32)
    values[2:4, 3:6] = 0.3
    depth = DepthMap(values, METRIC, "test", how)
    for enlarged in (depth.resized(64, 48), depth.sampled_at_size(64, 48, (60, 40))):
        assert enlarged.values.min() == pytest.approx(0.3)
    relative = DepthMap(values, DepthKind.RELATIVE_DEPTH, "test", how)
    undershoots = relative.resized(64, 48).values.min() < 0.29
    assert undershoots == (how is Interpolation.CUBIC)


def test_a_map_of_infinity_alone_stays_one_when_it_is_enlarged() -> None:
    assert np.isposinf(metric(math.inf, math.inf).resized(8, 2).values).all()
