"""Depth maps whose truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.evaluation.pairs import motorcycle
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap


def inverse_depth(values: NDArray[np.floating]) -> DepthMap:
    return DepthMap(values.astype(np.float32), DepthKind.RELATIVE_INVERSE_DEPTH, "test")


def step(width: int = 160, height: int = 120, edge: int = 80) -> DepthMap:
    """Near (1) left of ``edge``, far (0) from it on."""
    values = np.zeros((height, width), np.float32)
    values[:, :edge] = 1
    return inverse_depth(values)


def motorcycle_metres() -> NDArray[np.float64]:
    """True metres of ``motorcycle_left.png``; NaN where unknown."""
    return motorcycle().truth.astype(np.float64)


def motorcycle_inverse() -> DepthMap:
    """True relative inverse depth of the motorcycle; what is unknown is as far as the farthest."""
    inverse = 1 / motorcycle_metres()
    return inverse_depth(np.nan_to_num(inverse, nan=float(np.nanmin(inverse))))
