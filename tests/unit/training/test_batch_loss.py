from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.dataset import Batch
from training.recipe import Recipe
from training.train import batch_loss, schedule

RECIPE = Recipe()


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(0)
    known = torch.ones(3, 32, 32, dtype=torch.bool)
    return Batch(torch.rand(3, 3, 32, 32), torch.rand(3, 32, 32), known, torch.zeros(3))


def without_last(batch: Batch) -> Batch:
    return Batch(batch.image[:2], batch.target[:2], batch.known[:2], batch.trim[:2])


def loss_and_gradient(batch: Batch) -> tuple[float, Tensor]:
    torch.manual_seed(1)
    prediction = torch.rand(3, 32, 32)[: len(batch.target)].requires_grad_(True)
    loss = batch_loss(prediction, batch, RECIPE)
    loss.backward()  # type: ignore[no-untyped-call]
    assert prediction.grad is not None
    return float(loss.detach()), prediction.grad


def test_a_sample_of_which_nothing_is_known_does_not_count(batch: Batch) -> None:
    batch.known[2] = False
    batch.known[2, 0, 0] = True
    loss, gradient = loss_and_gradient(batch)
    expected, expected_gradient = loss_and_gradient(without_last(batch))
    assert loss == pytest.approx(expected)
    torch.testing.assert_close(gradient[:2], expected_gradient)
    assert (gradient[2] == 0).all()


def test_a_flat_label_teaches_to_be_flat(batch: Batch) -> None:
    batch.target[:] = 0.7
    ramp = torch.linspace(0, 1, 32).expand(3, 32, 32)
    losses = [float(batch_loss(0.5 + share * (ramp - 0.5), batch, RECIPE)) for share in (1, 0.3, 0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(0)


@pytest.mark.parametrize("relief", [0.01, 0.1, 0.29, 0.31, 0.8])
def test_a_map_spans_as_much_as_its_label_up_to_a_full_relief(batch: Batch, relief: float) -> None:
    """Without a step where a label has just enough relief."""
    ramp = torch.linspace(0, 1, 32).expand(3, 32, 32)
    batch.target[:] = 1 - relief * (1 - ramp)
    wanted = min(1.0, relief / RECIPE.full_relief)
    losses = {
        share: float(batch_loss(0.5 + share * wanted * (ramp - 0.5), batch, RECIPE))
        for share in (0.5, 1.0, 1.5)
    }
    assert losses[1.0] == pytest.approx(0, abs=1e-4)
    assert min(losses, key=lambda share: losses[share]) == 1.0


def test_a_batch_that_teaches_nothing_changes_nothing(batch: Batch) -> None:
    batch.known[:] = False
    loss, gradient = loss_and_gradient(batch)
    assert loss == 0
    assert (gradient == 0).all()


def test_a_range_other_than_the_labels_costs_but_for_true_depth(batch: Batch) -> None:
    """Scale and shift are free but for the anchor, which true depth has none of."""
    moved = 5 * batch.target - 3
    assert batch_loss(moved, batch, RECIPE) > 1
    batch.trim[:] = 0.2
    assert batch_loss(moved, batch, RECIPE) < 1e-4


def test_one_wrong_pixel_of_true_depth_hardly_matters(batch: Batch) -> None:
    batch.trim[:] = 0.2
    plain, _ = loss_and_gradient(batch)
    batch.target[0, 5, 5] = 1e4
    assert loss_and_gradient(batch)[0] < 100 * plain
    batch.trim[:] = 0
    anchored, _ = loss_and_gradient(batch)
    assert anchored > plain


def test_rates_rise_then_fall_to_nothing() -> None:
    rates = [schedule(step, RECIPE) for step in range(RECIPE.steps)]
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] < 0.05
    assert rates[-1] < 0.001
    assert 0.95 < max(rates) <= 1
