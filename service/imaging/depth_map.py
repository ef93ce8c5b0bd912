"""A depth map and what its numbers mean."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2

from service.imaging.depth_kind import DepthKind
from service.imaging.strips import in_strips
from service.imaging.transforms import DepthArray


@dataclass(frozen=True)
class DepthMap:
    """Depth values ``(height, width)`` float32 of one photo, and their meaning."""

    values: DepthArray
    kind: DepthKind
    model: str

    @functools.cached_property
    def extent(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return extent(self.values)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.values.shape[0])


def extent(values: DepthArray) -> tuple[float, float]:
    """Smallest and largest of the values ``(h, w)``."""

    def of_strip(first: int, end: int) -> tuple[float, float]:
        low, high, _, _ = cv2.minMaxLoc(values[first:end])
        return low, high

    lows, highs = zip(*in_strips(values.shape, of_strip), strict=True)
    return min(lows), max(highs)
