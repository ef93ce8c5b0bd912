from __future__ import annotations

import numpy as np
import pytest

from service.evaluation.metrics import score
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(1, 10, (40, 50))


def estimate(values: np.ndarray, kind: DepthKind = DepthKind.RELATIVE_INVERSE_DEPTH) -> DepthMap:
    return DepthMap(np.asarray(values, np.float32), kind, "test")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (3 + 20 / TRUTH, DepthKind.RELATIVE_INVERSE_DEPTH),
        (0.5 * TRUTH - 7, DepthKind.RELATIVE_DEPTH),
        (TRUTH, DepthKind.METRIC_DEPTH),
    ],
)
def test_the_truth_up_to_what_its_kind_leaves_open_has_no_error(
    values: np.ndarray, kind: DepthKind
) -> None:
    scores = score(estimate(values, kind), TRUTH)
    assert (scores.delta, scores.ordinal) == (0, 0)
    assert scores.abs_rel == pytest.approx(0, abs=1e-4)


def test_a_map_upside_down_orders_all_pairs_wrongly() -> None:
    scores = score(estimate(TRUTH), TRUTH)
    assert scores.ordinal == 1
    assert scores.delta > 0.3


def test_metric_depth_is_not_aligned() -> None:
    scores = score(estimate(2 * TRUTH, DepthKind.METRIC_DEPTH), TRUTH)
    near = TRUTH[TRUTH.max() > 2 * TRUTH]
    assert scores.delta >= near.size / TRUTH.size
    assert scores.ordinal < 0.01


def test_hand_computed_errors() -> None:
    """Metres 1, 2, 4; the estimates 1, 3 and 4 are off by a half in one of three."""
    truth = np.array([[1.0, 2.0, 4.0]])
    scores = score(estimate(np.array([[1.0, 3.0, 4.0]]), DepthKind.METRIC_DEPTH), truth)
    assert scores.delta == pytest.approx(1 / 3)
    assert scores.abs_rel == pytest.approx(0.5 / 3)


def test_unknown_depth_does_not_count() -> None:
    truth, values = TRUTH.copy(), 1 / TRUTH
    for row, unknown in enumerate((np.nan, np.inf, 0.0, -1.0)):
        truth[row] = unknown
        values[row] = 50 * row
    assert score(estimate(values), truth).delta == 0


def test_a_constant_map_is_scored() -> None:
    assert score(estimate(np.ones_like(TRUTH)), TRUTH).delta > 0


@pytest.mark.parametrize("truth", [np.ones((4, 4)), np.full((40, 50), np.nan)])
def test_what_cannot_be_scored_is_refused(truth: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the truth"):
        score(estimate(TRUTH), truth)
