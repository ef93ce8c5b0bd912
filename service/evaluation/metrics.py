"""Zero-shot metrics of one depth map against true depth, by the protocol of MiDaS.

Relative maps have an unknown scale and shift, so they are first aligned to the truth by least
squares: inverse depth to inverse depth, relative (not inverse) depth to depth (Ranftl et al.,
"Towards Robust Monocular Depth Estimation", TPAMI 2022, section 6). Metric maps are compared as
they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap

PAIRS = 100_000
"""Pairs of points whose order is compared."""

_DELTA = 1.25
# Pairs closer than this ratio have no order that a person could tell.
_TELLABLE = 1.1
# Of a map's range: pairs of less are of one thing.
_APART = 0.01

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """All are better when smaller.

    ``delta``: share (0..1) of pixels whose depth is off by more than 1.25 times. ``abs_rel``: mean
    of ``|depth - truth| / truth``. ``ordinal``: share of wrongly ordered pairs of points.
    """

    delta: float
    abs_rel: float
    ordinal: float


def score(estimate: DepthMap, truth: NDArray[np.floating], seed: int = 0) -> Scores:
    """Compare with ``truth``, metres ``(h, w)`` of the same size; NaN, infinity and 0 are unknown.

    Depth is capped at the largest true one, as in the protocol. Raises :class:`ValueError` for
    another size, and for fewer than two known pixels.
    """
    if truth.shape != estimate.values.shape:
        raise ValueError(f"the truth is {truth.shape}, the estimate {estimate.values.shape}")
    known = np.isfinite(truth) & (truth > 0)
    if known.sum() < 2:
        raise ValueError("the truth has no known depth")
    true_depth = truth[known].astype(np.float64)
    values = estimate.values[known].astype(np.float64)
    depth = _in_metres(values, true_depth, estimate.kind)
    off = np.maximum(depth / true_depth, true_depth / depth)
    return Scores(
        delta=float((off > _DELTA).mean()),
        abs_rel=float((np.abs(depth - true_depth) / true_depth).mean()),
        ordinal=_ordinal_error(values, true_depth, estimate.kind, seed),
    )


def order_error(values: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Share (0..1) of point pairs that ``values`` order otherwise than ``expected``.

    Both have one shape. Only pairs count that ``expected`` holds apart by more than a hundredth
    of its range.
    """
    one, other = values.ravel().astype(np.float64), expected.ravel().astype(np.float64)
    first, second = np.random.default_rng(0).integers(0, one.size, (2, PAIRS))
    apart = other[first] - other[second]
    tellable = np.abs(apart) > _APART * np.ptp(other)
    if not tellable.any():
        return 0.0
    wrong = (one[first] > one[second]) != (apart > 0)
    return float(wrong[tellable].mean())


def _in_metres(values: Floats, truth: Floats, kind: DepthKind) -> Floats:
    nearest, farthest = float(truth.min()), float(truth.max())
    if kind is DepthKind.METRIC_DEPTH:
        return np.clip(values, nearest / 10, farthest)
    if kind is DepthKind.RELATIVE_DEPTH:
        return np.clip(_aligned(values, truth), nearest / 10, farthest)
    inverse = np.clip(_aligned(values, 1 / truth), 1 / farthest, 10 / nearest)
    return np.asarray(1 / inverse)


def _aligned(values: Floats, target: Floats) -> Floats:
    """``scale * values + shift``, nearest to ``target`` in the mean of squares."""
    spread = values - values.mean()
    variance = float((spread**2).mean())
    scale = float((spread * target).mean()) / variance if variance > 0 else 0.0
    return np.asarray(scale * spread + float(target.mean()))


def _ordinal_error(values: Floats, truth: Floats, kind: DepthKind, seed: int) -> float:
    nearness = values if kind is DepthKind.RELATIVE_INVERSE_DEPTH else -values
    first, second = np.random.default_rng(seed).integers(0, truth.size, (2, PAIRS))
    ratio = truth[first] / truth[second]
    tellable = (ratio > _TELLABLE) | (ratio < 1 / _TELLABLE)
    if not tellable.any():
        return 0.0
    wrong = (truth[first] < truth[second]) != (nearness[first] > nearness[second])
    return float(wrong[tellable].mean())
