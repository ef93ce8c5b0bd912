from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.evaluation.edges import edge_slopes


@pytest.fixture
def truth() -> np.ndarray:
    """A near box before a far wall; metres."""
    metres = np.full((120, 160), 4.0, np.float32)
    metres[30:90, 40:120] = 1.0
    return metres


def blur(values: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))


def test_a_blurred_map_is_less_steep_at_the_edges(truth: np.ndarray) -> None:
    sharp = 1 / truth
    blurred = [blur(sharp, sigma) for sigma in (1, 3)]
    slopes = [edge_slopes(values, truth).edges for values in (sharp, *blurred)]
    assert slopes[0] > 1.5 * slopes[1] > 2 * slopes[2] > 0


def test_noise_is_seen_away_from_the_edges(truth: np.ndarray) -> None:
    clean = blur(1 / truth, 2)
    noise = np.random.default_rng(0).normal(0, 0.02, truth.shape).astype(np.float32)
    assert edge_slopes(clean, truth).elsewhere < 1e-3
    assert edge_slopes(clean + noise, truth).elsewhere > 0.01


def test_scale_and_shift_do_not_matter(truth: np.ndarray) -> None:
    values = blur(1 / truth, 2)
    assert edge_slopes(7 * values + 3, truth).edges == pytest.approx(
        edge_slopes(values, truth).edges, rel=1e-4
    )


@pytest.mark.parametrize("unknown", [np.nan, np.inf, 0.0])
def test_an_edge_of_what_is_unknown_is_none_of_the_scene(truth: np.ndarray, unknown: float) -> None:
    holed = truth.copy()
    holed[:, 140:] = unknown
    values = 1 / truth
    assert edge_slopes(values, holed).edges == pytest.approx(edge_slopes(values, truth).edges)
