"""Depth as a picture: nearness, then a colour map."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap, extent
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
    """The 2nd and 98th percentile: steadier against a few outlying pixels."""


_PERCENTILES = (2.0, 98.0)
_SMALLEST_DEPTH = 1e-6


def heat_indices(
    depth: DepthMap, normalization: Normalization = Normalization.MINMAX
) -> NDArray[np.uint8]:
    """Nearness 0 (farthest) .. 255 (nearest), ``(h, w)`` uint8, for a depth map of any kind.

    Normalised per image and rounded to nearest; a map without any range is all 0.
    """
    values, low, scale = _span(depth, normalization)
    if normalization is Normalization.PERCENTILE:
        # convertScaleAbs takes the absolute value, so what lies below the range must not.
        values = np.maximum(values, np.float32(low))
    indices = np.empty(values.shape, np.uint8)

    def scaled(first: int, end: int) -> None:
        # One pass without float temporaries, which for a 50 MP photo would take 400 MB.
        strip, out = values[first:end], indices[first:end]
        cv2.convertScaleAbs(strip, dst=out, alpha=255 * scale, beta=-255 * scale * low)

    in_strips(values.shape, scaled)
    return indices


def nearness(
    depth: DepthMap, normalization: Normalization = Normalization.MINMAX
) -> NDArray[np.float32]:
    """Nearness 0 (farthest) .. 1 (nearest), ``(h, w)`` float32, for a depth map of any kind.

    The same as :func:`heat_indices` without its rounding; a map without any range is all 0.
    """
    values, low, scale = _span(depth, normalization)
    scaled = values - np.float32(low)
    scaled *= np.float32(scale)
    return np.clip(scaled, 0, 1, out=scaled)


@cache
def palette(colormap: Colormap) -> bytes:
    """The colour map as 256 RGB triples."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    if colormap is Colormap.GRAY:
        return np.repeat(ramp, 3).tobytes()
    code: int = getattr(cv2, f"COLORMAP_{colormap.name}")
    return cv2.cvtColor(cv2.applyColorMap(ramp, code), cv2.COLOR_BGR2RGB).tobytes()


def _span(depth: DepthMap, normalization: Normalization) -> tuple[DepthArray, float, float]:
    """Values that grow towards the viewer, the lowest that counts, and 1 / their range (or 0)."""
    values = inverse_values(depth)
    low, high = _ends(depth, values, normalization)
    return values, low, 1 / (high - low) if high > low else 0.0


def _ends(depth: DepthMap, values: DepthArray, normalization: Normalization) -> tuple[float, float]:
    """The values that become the ends of the colour map."""
    if normalization is Normalization.PERCENTILE:
        low, high = np.percentile(values, _PERCENTILES)
        return float(low), float(high)
    if values is depth.values:
        return depth.extent
    return extent(values)


def inverse_values(depth: DepthMap) -> DepthArray:
    """Values that grow towards the viewer, in proportion to disparity where that is known.

    ``(h, w)`` float32: the map itself for relative inverse depth, its reciprocal (1/metre) for
    metric depth, its negative for relative depth.
    """
    if depth.kind is DepthKind.RELATIVE_INVERSE_DEPTH:
        return depth.values
    if depth.kind is DepthKind.METRIC_DEPTH:
        metres = np.maximum(depth.values, np.float32(_SMALLEST_DEPTH))
        return np.reciprocal(metres, out=metres)
    # Relative depth has an unknown shift, so its reciprocal would mean nothing.
    return -depth.values
