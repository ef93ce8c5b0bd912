from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.losses import (
    aligned,
    gradient_matching,
    range_anchor,
    scale_and_shift_invariant,
    trimmed_absolute,
)

NO_TRIM = torch.zeros(1)


def maps(*rows: list[float]) -> Tensor:
    return torch.tensor([rows])


def everywhere(values: Tensor) -> Tensor:
    return torch.ones_like(values, dtype=torch.bool)


@pytest.fixture
def random_maps() -> tuple[Tensor, Tensor, Tensor]:
    """Prediction, target, and a mask of about two thirds, of two samples."""
    torch.manual_seed(0)
    known = torch.rand(2, 16, 24) < 0.66
    return torch.rand(2, 16, 24), torch.rand(2, 16, 24), known


def test_alignment_by_hand() -> None:
    # Median 3, absolute deviations 2, 1, 0, 1, 6: their mean is 2.
    values = maps([1.0, 2.0, 3.0, 4.0, 9.0])
    expected = maps([-1.0, -0.5, 0.0, 0.5, 3.0])
    torch.testing.assert_close(aligned(values, everywhere(values)), expected)


def test_alignment_of_the_known_only() -> None:
    values = maps([1.0, 2.0, 3.0, 1000.0])
    known = torch.tensor([[[True, True, True, False]]])
    torch.testing.assert_close(aligned(values, known), maps([-1.5, 0.0, 1.5, 0.0]))


def test_trimming_by_hand() -> None:
    residual = maps([0.1, -0.2, 0.3, -0.4, 5.0])
    known = everywhere(residual)
    # The largest of five is left out: (0.1 + 0.2 + 0.3 + 0.4) / (2 * 5).
    assert trimmed_absolute(residual, known, torch.tensor([0.2])).item() == pytest.approx(0.1)
    assert trimmed_absolute(residual, known, NO_TRIM).item() == pytest.approx(0.6)


def test_each_sample_has_its_own_trim() -> None:
    residual = maps([1.0, 2.0]).repeat(2, 1, 1)
    trimmed = trimmed_absolute(residual, everywhere(residual), torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(trimmed, torch.tensor([0.75, 0.25]))


def test_gradient_matching_by_hand() -> None:
    residual = maps([0.0, 1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0])
    # Full size: across 1 + 0 + 2, down 0 + 1 + 1 + 3, eight pixels. Half size: 0 and 1 are left.
    found = gradient_matching(residual, everywhere(residual), levels=2)
    assert found.item() == pytest.approx(8 / 8 + 1 / 2)


def test_slopes_beside_unknown_pixels_do_not_count() -> None:
    residual = maps([0.0, 100.0, 1.0, 2.0])
    known = torch.tensor([[[True, False, True, True]]])
    assert gradient_matching(residual, known, levels=1).item() == pytest.approx(1 / 3)


def test_the_anchor_by_hand() -> None:
    target = maps([10.0, 20.0, 30.0])
    prediction = maps([0.0, 0.5, 0.4])
    assert range_anchor(prediction, target, everywhere(target)).item() == pytest.approx(0.2)


def test_scale_and_shift_do_not_matter(random_maps: tuple[Tensor, Tensor, Tensor]) -> None:
    prediction, target, known = random_maps
    trim = torch.full((2,), 0.2)
    plain = scale_and_shift_invariant(prediction, target, known, trim)
    for scale, shift in ((3.0, 0.0), (1.0, 7.0), (0.01, -2.0)):
        moved = scale_and_shift_invariant(prediction * scale + shift, target, known, trim)
        torch.testing.assert_close(moved, plain, rtol=1e-4, atol=1e-5)
        moved = scale_and_shift_invariant(prediction, target * scale + shift, known, trim)
        torch.testing.assert_close(moved, plain, rtol=1e-4, atol=1e-5)


def test_a_map_that_differs_in_scale_and_shift_only_costs_nothing(
    random_maps: tuple[Tensor, Tensor, Tensor],
) -> None:
    _, target, known = random_maps
    loss = scale_and_shift_invariant(5 * target - 3, target, known, torch.zeros(2))
    torch.testing.assert_close(loss, torch.zeros(2), rtol=0, atol=1e-5)
    assert (scale_and_shift_invariant(-target, target, known, torch.zeros(2)) > 0.5).all()


def test_unknown_pixels_do_not_matter(random_maps: tuple[Tensor, Tensor, Tensor]) -> None:
    prediction, target, known = random_maps
    trim = torch.full((2,), 0.2)
    noise = torch.where(known, 0.0, 1000 * torch.rand_like(target))
    plain = scale_and_shift_invariant(prediction, target, known, trim)
    for noisy in ((prediction + noise, target), (prediction, target + noise)):
        torch.testing.assert_close(scale_and_shift_invariant(*noisy, known, trim), plain)
        torch.testing.assert_close(
            range_anchor(*noisy, known), range_anchor(prediction, target, known)
        )


def test_samples_do_not_mix(random_maps: tuple[Tensor, Tensor, Tensor]) -> None:
    prediction, target, known = random_maps
    both = scale_and_shift_invariant(prediction, target, known, torch.zeros(2))
    for index in range(2):
        one = slice(index, index + 1)
        alone = scale_and_shift_invariant(prediction[one], target[one], known[one], NO_TRIM)
        torch.testing.assert_close(alone, both[one])


def test_every_known_pixel_gets_a_finite_gradient(
    random_maps: tuple[Tensor, Tensor, Tensor],
) -> None:
    prediction, target, known = random_maps
    prediction.requires_grad_(True)
    scale_and_shift_invariant(prediction, target, known, torch.zeros(2)).sum().backward()  # type: ignore[no-untyped-call]
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert (prediction.grad[~known] == 0).all()
    assert (prediction.grad[known] != 0).float().mean() > 0.95


def test_a_constant_map_has_a_finite_loss() -> None:
    flat = torch.full((1, 4, 4), 0.5, requires_grad=True)
    loss = scale_and_shift_invariant(flat, torch.rand(1, 4, 4), everywhere(flat), NO_TRIM)
    loss.sum().backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite().all()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()
