from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from service.geometry.extremes import Plane, highest, lowest


@pytest.mark.parametrize("radius", [0, 1, 2, 7, 8, 50, 200])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 90), (120, 1), (97, 61), (600, 500)])
def test_they_are_what_erosion_and_dilation_by_a_square_find(
    width: int, height: int, radius: int
) -> None:
    values = np.random.default_rng(radius).normal(size=(height, width)).astype(np.float32)
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    assert np.array_equal(lowest(values, radius), cv2.erode(values, square))
    assert np.array_equal(highest(values, radius), cv2.dilate(values, square))


def test_the_given_values_stay_as_they_are() -> None:
    values = np.eye(9, dtype=np.float32)
    highest(values, 2)
    assert np.array_equal(values, np.eye(9))


def test_a_window_ten_times_as_wide_takes_a_few_passes_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = Counter[int]()
    radius = 0

    def counted(first: Plane, second: Plane) -> Plane:
        passes[radius] += 1
        return np.minimum(first, second)

    monkeypatch.setattr(cv2, "min", counted)
    for radius in (40, 400):
        lowest(np.eye(100, dtype=np.float32), radius)
    assert 0 < passes[400] <= passes[40] * 1.5
