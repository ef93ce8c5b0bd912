"""Colours that do not flicker: the frames of one stream share a slowly adapting scale and shift."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap
from service.imaging.render import inverse_values

_PERCENTILES = (2.0, 98.0)


class SteadyScale:
    """Exponential moving ends of the colour map; one for each stream.

    ``adaption``: how much of the way to a frame's own ends (the 2nd and 98th percentile) each
    frame goes, 0..1; 1 is normalisation per frame.
    """

    def __init__(self, adaption: float = 0.1) -> None:
        self._adaption = adaption
        self._ends: tuple[float, float] | None = None

    def heat_indices(self, depth: DepthMap) -> NDArray[np.uint8]:
        """Nearness 0 (far) .. 255 (near), ``(h, w)`` uint8, by the stream's ends so far."""
        values = inverse_values(depth)
        low, high = self._follow(values)
        scale = 255 / (high - low) if high > low else 0.0
        # convertScaleAbs takes the absolute value, so what lies below the range must not.
        clipped = np.maximum(values, np.float32(low))
        return np.asarray(cv2.convertScaleAbs(clipped, alpha=scale, beta=-scale * low), np.uint8)

    def _follow(self, values: NDArray[np.float32]) -> tuple[float, float]:
        low, high = (float(end) for end in np.percentile(values, _PERCENTILES))
        if self._ends is not None:
            step = self._adaption
            low = self._ends[0] + step * (low - self._ends[0])
            high = self._ends[1] + step * (high - self._ends[1])
        self._ends = low, high
        return self._ends
