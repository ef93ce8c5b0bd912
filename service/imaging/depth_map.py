"""A depth map and what its numbers mean."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2

from service.imaging.transforms import DepthArray
from service.models.spec import DepthKind


@dataclass(frozen=True)
class DepthMap:
    """Depth values ``(height, width)`` float32 of one photo, and their meaning."""

    values: DepthArray
    kind: DepthKind
    model: str

    @functools.cached_property
    def extent(self) -> tuple[float, float]:
        """Smallest and largest value."""
        low, high, _, _ = cv2.minMaxLoc(self.values)
        return low, high

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.values.shape[0])
