"""Learned tables of positions, resampled for other grids than they were trained on.

Written as products with matrices, whose size may be unknown when a network is traced: the same
numbers as ``torch.nn.functional.interpolate`` without aligned corners.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Kernel = Callable[[Tensor], Tensor]

_CUBIC_SHARPNESS = -0.75


def linear(distance: Tensor) -> Tensor:
    """Weight of a sample at this distance, in samples."""
    return (1 - distance).clamp(min=0)


def cubic(distance: Tensor) -> Tensor:
    """Weight of a sample at this distance (Keys 1981, with torch's and OpenCV's sharpness)."""
    a = _CUBIC_SHARPNESS
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, 0.0))


def resample(
    table: Tensor,
    height: int,
    width: int,
    kernel: Kernel,
    steps: tuple[float | Tensor, float | Tensor] | None = None,
) -> Tensor:
    """A table ``(rows, columns, c)`` resampled to ``(height, width, c)``.

    ``steps``: how many rows and columns of the table one of the result advances, if not
    ``rows / height`` and ``columns / width``.
    """
    rows, columns, channels = table.shape
    down, across = steps or (rows / height, columns / width)
    vertical = _weights(rows, height, down, kernel) @ table.reshape(rows, columns * channels)
    horizontal = _weights(columns, width, across, kernel)
    return horizontal @ vertical.reshape(height, columns, channels)


def _weights(length: int, size: int, step: float | Tensor, kernel: Kernel) -> Tensor:
    """Matrix ``(size, length)`` that resamples ``length`` numbers; the ends go on for ever."""
    source = (torch.arange(size, dtype=torch.float32) + 0.5) * step - 0.5
    taps = source.floor()[:, None] + torch.arange(-1, 3, dtype=torch.float32)
    weights = kernel((source[:, None] - taps).abs())
    places = taps.clamp(0, length - 1)[:, :, None] == torch.arange(length, dtype=torch.float32)
    return (weights[:, :, None] * places).sum(1)
