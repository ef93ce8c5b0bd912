"""Depth as a picture: nearness, then a colour map."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap, inverse_values
from service.imaging.strips import in_strips
from service.imaging.transforms import DepthArray


class Colormap(StrEnum):
    """Colour maps of OpenCV; the demo's is inferno: warm and bright near, black far."""

    INFERNO = "inferno"
    MAGMA = "magma"
    PLASMA = "plasma"
    VIRIDIS = "viridis"
    CIVIDIS = "cividis"
    TURBO = "turbo"
    JET = "jet"
    GRAY = "gray"


class Normalization(StrEnum):
    """What becomes the ends of the colour map."""

    MINMAX = "minmax"
    """The nearest and the farthest pixel."""
    PERCENTILE = "percentile"
    """Two percentiles of nearness: steadier against a few outlying pixels."""


Percentiles = tuple[float, float]
CENTRAL: Percentiles = (2.0, 98.0)
"""What becomes the ends, far and near, where no others are asked for."""


def heat_indices(
    depth: DepthMap,
    normalization: Normalization = Normalization.MINMAX,
    percentiles: Percentiles = CENTRAL,
) -> NDArray[np.uint8]:
    """Nearness 0 (farthest) .. 255 (nearest), ``(h, w)`` uint8, for a depth map of any kind.

    Normalised per image and rounded to nearest; a map without any range, and what has no reading,
    is 0.
    """
    values, low, high = _span(depth, normalization, percentiles)
    return scaled_indices(values, low, high)


def scaled_indices(values: DepthArray, low: float, high: float) -> NDArray[np.uint8]:
    """``values`` ``(h, w)`` from ``low`` (0) up, and 255 from ``high`` on."""
    indices = np.zeros(values.shape, np.uint8)
    if not high > low:
        return indices
    scale = 255 / (high - low)

    def scaled(first: int, end: int) -> None:
        # One pass without float temporaries, which for a 50 MP photo would take 400 MB.
        strip, out = values[first:end], indices[first:end]
        cv2.convertScaleAbs(strip, dst=out, alpha=scale, beta=-scale * low)

    in_strips(values.shape, scaled)
    return indices


def nearness(
    depth: DepthMap, normalization: Normalization = Normalization.MINMAX
) -> NDArray[np.float32]:
    """Nearness 0 (farthest) .. 1 (nearest), ``(h, w)`` float32, for a depth map of any kind.

    The same as :func:`heat_indices` without its rounding.
    """
    values, low, high = _span(depth, normalization, CENTRAL)
    scaled = values - np.float32(low)
    scaled *= np.float32(1 / (high - low) if high > low else 0.0)
    return np.clip(scaled, 0, 1, out=scaled)


@cache
def palette(colormap: Colormap) -> bytes:
    """The colour map as 256 RGB triples."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    if colormap is Colormap.GRAY:
        return np.repeat(ramp, 3).tobytes()
    code: int = getattr(cv2, f"COLORMAP_{colormap.name}")
    return cv2.cvtColor(cv2.applyColorMap(ramp, code), cv2.COLOR_BGR2RGB).tobytes()


def _span(
    depth: DepthMap, normalization: Normalization, percentiles: Percentiles
) -> tuple[DepthArray, float, float]:
    """Values that grow towards the viewer, at least the lowest that counts, and their ends."""
    values = inverse_values(depth.values, depth.kind)
    low, high = depth.ends
    if normalization is Normalization.PERCENTILE:
        low, high = central_range(values, percentiles)
    # The own ends of a whole map leave nothing below, and nothing to be copied for.
    if depth.is_whole and depth.far is None and normalization is Normalization.MINMAX:
        return values, low, high
    return at_least(values, low), low, high


def central_range(values: DepthArray, percentiles: Percentiles = CENTRAL) -> tuple[float, float]:
    """Two percentiles of the finite values."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 0.0
    low, high = np.percentile(finite, percentiles)
    return float(low), float(high)


def at_least(values: DepthArray, low: float) -> DepthArray:
    """``values``, ``low`` where they are below it or NaN."""
    return np.fmax(values, np.float32(low))
