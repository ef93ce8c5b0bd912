"""Pictures worked on in strips."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from service.imaging import strips
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap, extent
from service.imaging.render import Normalization, heat_indices
from service.imaging.strips import in_strips, strips_in_turn


@pytest.fixture
def three_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "cpu_budget", lambda: 3)


def test_small_pictures_stay_whole(three_cpus: None) -> None:
    here = threading.get_ident()
    found = in_strips((1000, 1999), lambda first, end: (first, end, threading.get_ident()))
    assert found == [(0, 1000, here)]


@pytest.mark.parametrize("height", [3, 4, 2000])
def test_large_ones_are_cut_once_at_each_row(three_cpus: None, height: int) -> None:
    found = in_strips((height, 1_000_000), range)
    assert len(found) == 3
    assert [row for strip in found for row in strip] == list(range(height))


def test_never_more_strips_than_rows(three_cpus: None) -> None:
    assert in_strips((2, 1_000_000), lambda first, end: (first, end)) == [(0, 1), (1, 2)]


def test_no_thread_stays(three_cpus: None) -> None:
    threads = in_strips((3000, 1000), lambda first, end: threading.current_thread())
    assert len(set(threads)) > 1
    assert not [one for one in threads if one is not threading.current_thread() and one.is_alive()]


def test_an_error_reaches_the_caller(three_cpus: None) -> None:
    def work(first: int, end: int) -> None:
        if first:
            raise ValueError("the second strip")

    with pytest.raises(ValueError, match="the second strip"):
        in_strips((3000, 1000), work)


@pytest.mark.parametrize("normalization", Normalization)
def test_a_heatmap_in_strips_is_the_whole_ones(
    three_cpus: None, monkeypatch: pytest.MonkeyPatch, normalization: Normalization
) -> None:
    small = np.random.default_rng(3).random((9, 12), dtype=np.float32)
    values = np.asarray(cv2.resize(small, (1800, 1201), interpolation=cv2.INTER_CUBIC), np.float32)
    cut = heat_indices(_map(values), normalization)
    assert extent(values) == (values.min(), values.max())
    monkeypatch.setattr(strips, "_LEAST_VALUES", 10**9)
    whole = heat_indices(_map(values), normalization)
    assert np.array_equal(cut, whole)
    assert np.ptp(cut) == 255


def _map(values: np.ndarray) -> DepthMap:
    return DepthMap(values, DepthKind.RELATIVE_INVERSE_DEPTH, "none")


@pytest.mark.parametrize(
    ("shape", "margin"),
    [((1, 1), 0), ((5000, 1000), 0), ((5000, 1000), 700), ((90, 1 << 20, 3), 8)],
)
def test_strips_in_turn_make_every_row_once_and_read_what_lies_beside(
    shape: tuple[int, ...], margin: int
) -> None:
    rows = np.arange(shape[0])
    strips = list(strips_in_turn(shape, margin))
    assert np.array_equal(np.concatenate([rows[strip.rows] for strip in strips]), rows)
    for strip in strips:
        assert np.array_equal(rows[strip.read][strip.inner], rows[strip.rows])
        assert strip.top == max(0, strip.first - margin)
        assert strip.bottom == min(len(rows), strip.end + margin)
