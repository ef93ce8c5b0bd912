"""Losses that do not care about a map's scale and shift.

All take float32 ``(n, h, w)``: a ``prediction``, a ``target`` (inverse depth of any scale and
shift) and a boolean ``known``, where the target is to be believed; each sample needs one such
pixel. They answer float32 ``(n,)``, one loss a sample. Source of the formulas: Ranftl et al.,
"Towards Robust Monocular Depth Estimation" (TPAMI 2022), equations 5 to 11, cited by number.
"""

from __future__ import annotations

import torch
from torch import Tensor

# A constant map has no deviation to divide by.
_SMALLEST_DEVIATION = 1e-4


def aligned(values: Tensor, known: Tensor) -> Tensor:
    """Median 0 and mean absolute deviation 1 over the known pixels (eq. 5 and 6).

    Unknown pixels become 0.
    """
    unknown = ~known
    median = values.masked_fill(unknown, torch.nan).flatten(1).nanmedian(1).values
    centred = (values - median[:, None, None]).masked_fill(unknown, 0.0)
    deviation = centred.abs().sum((1, 2)) / known.sum((1, 2))
    return centred / deviation.clamp(min=_SMALLEST_DEVIATION)[:, None, None]


def trimmed_absolute(residual: Tensor, known: Tensor, trim: Tensor) -> Tensor:
    """Half the absolute residuals' sum without the largest ``trim`` of them, over all (eq. 7).

    ``trim``: float32 ``(n,)`` in 0..1, the share that labels are expected to have wrong. The
    paper's is 0.2; 0 is eq. 6 with absolute residuals.
    """
    pixels = known.sum((1, 2))
    kept = (pixels * (1 - trim)).floor()
    size = residual.abs().masked_fill(~known, torch.inf).flatten(1).sort(1).values
    within = torch.arange(size.shape[1], device=size.device) < kept[:, None]
    return size.masked_fill(~within, 0.0).sum(1) / (2 * pixels)


def gradient_matching(residual: Tensor, known: Tensor, levels: int = 4) -> Tensor:
    """Absolute slopes of the residual, summed over ``levels`` halvings of the size (eq. 11).

    A slope counts where both of its pixels are known. Each level is divided by its known pixels.
    """
    total = residual.new_zeros(len(residual))
    for level in range(levels):
        step = 2**level
        r, k = residual[:, ::step, ::step], known[:, ::step, ::step]
        across = (r[:, :, 1:] - r[:, :, :-1]).abs() * (k[:, :, 1:] & k[:, :, :-1])
        down = (r[:, 1:] - r[:, :-1]).abs() * (k[:, 1:] & k[:, :-1])
        total = total + (across.sum((1, 2)) + down.sum((1, 2))) / k.sum((1, 2)).clamp(min=1)
    return total


def scale_and_shift_invariant(
    prediction: Tensor, target: Tensor, known: Tensor, trim: Tensor, gradient: float = 0.5
) -> Tensor:
    """Trimmed residuals of the aligned maps, and ``gradient`` times their slopes (eq. 9)."""
    residual = aligned(prediction, known) - aligned(target, known)
    return trimmed_absolute(residual, known, trim) + gradient * gradient_matching(residual, known)


def relief(target: Tensor, known: Tensor) -> Tensor:
    """Share (0..1) of its largest value that a map spans; what looks flat has next to none."""
    least, most = _ends(target, known)
    return (most - least) / most.abs().clamp(min=_SMALLEST_DEVIATION)


def range_anchor(
    prediction: Tensor, target: Tensor, known: Tensor, full_relief: float = 0.0
) -> Tensor:
    """Mean absolute difference from the target scaled to 0..1.

    The other losses leave scale and shift open, so that a network could drift below 0, where its
    last rectifier cuts, or past what half precision holds. A map of less than ``full_relief`` is
    scaled as one that has so much, about 0.5: a page is to be flat, not a ramp from 0 to 1.
    """
    least, most = (end[:, None, None] for end in _ends(target, known))
    span = torch.maximum(most - least, full_relief * most.abs()).clamp(min=_SMALLEST_DEVIATION)
    scaled = 0.5 + (target - (least + most) / 2) / span
    return ((prediction - scaled).abs() * known).sum((1, 2)) / known.sum((1, 2))


def _ends(target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    least = target.masked_fill(~known, torch.inf).amin((1, 2))
    most = target.masked_fill(~known, -torch.inf).amax((1, 2))
    return least, most
