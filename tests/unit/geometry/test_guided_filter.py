from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.geometry.guided_filter import GuidedFilter, crisp_nearness, refine_nearness, steepen
from service.geometry.scene import Scene
from service.imaging import strips
from service.imaging.render import nearness
from tests.support.depths import motorcycle_inverse, motorcycle_metres
from tests.support.photos import photo_pixels


def two_halves(edge: int = 80) -> NDArray[np.uint8]:
    pixels = np.full((100, 160, 3), (40, 60, 120), np.uint8)
    pixels[:, edge:] = (220, 180, 90)
    return pixels


def test_an_edge_that_is_off_moves_onto_the_photos_edge() -> None:
    values = np.zeros((100, 160), np.float32)
    values[:, :76] = 1
    filtered = GuidedFilter(two_halves(80), 10, 1).filter(values)
    assert filtered[50, 77:80].min() > 0.5 > filtered[50, 81:84].max()


def test_values_that_are_linear_in_the_photos_colours_pass_unchanged() -> None:
    guide = np.asarray(cv2.GaussianBlur(photo_pixels("astronaut.png"), (0, 0), 3), np.uint8)
    values = (guide @ np.array([0.002, 0.001, -0.001])).astype(np.float32)
    difference = np.abs(GuidedFilter(guide, 8, 1).filter(values) - values)
    assert np.median(difference) < 0.01


def test_a_flat_map_stays_flat() -> None:
    values = np.full((512, 512), 0.4, np.float32)
    filtered = GuidedFilter(photo_pixels("astronaut.png"), 9, 4).filter(values)
    np.testing.assert_allclose(filtered, 0.4, atol=1e-4)


def test_a_soft_edge_becomes_a_step_and_a_gentle_slope_stays() -> None:
    soft = np.repeat(np.interp(np.arange(60), [26, 34], [1, 0])[np.newaxis], 9, axis=0)
    steep = steepen(soft.astype(np.float32), 5)
    assert set(np.unique(steep[4, 20:40]).tolist()) <= {0.0, 1.0}
    gentle = np.repeat(np.linspace(0, 0.2, 60)[np.newaxis], 9, axis=0).astype(np.float32)
    assert np.array_equal(steepen(gentle, 5), gentle)


def test_refining_a_blurred_true_depth_brings_it_closer_to_the_truth_at_edges() -> None:
    true = motorcycle_inverse().values
    true = (true - true.min()) / np.float32(np.ptp(true))
    blurred = np.asarray(cv2.GaussianBlur(true, (0, 0), 4), np.float32)
    refined = refine_nearness(Scene(photo_pixels("motorcycle_left.png"), blurred))
    steps = cv2.morphologyEx(cv2.medianBlur(true, 5), cv2.MORPH_GRADIENT, np.ones((5, 5)))
    edges = (np.asarray(steps) > 0.1) & np.isfinite(motorcycle_metres())
    before, after = (float(np.abs(m - true)[edges].mean()) for m in (blurred, refined))
    assert after < 0.88 * before
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_a_step_that_the_photo_does_not_show_stays_a_step() -> None:
    grey = np.full((100, 160, 3), 128, np.uint8)
    values = np.zeros((100, 160), np.float32)
    values[:, :80] = 1
    assert np.array_equal(crisp_nearness(Scene(grey, values)), values)


def test_edges_found_in_strips_are_the_whole_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(photo_pixels("motorcycle_left.png"), nearness(motorcycle_inverse()))
    whole = crisp_nearness(scene)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1)
    difference = np.abs(crisp_nearness(scene) - whole)
    assert np.quantile(difference, 0.999) < 1e-5
