"""Colours that do not flicker: the frames of one stream share a slowly adapting scale and shift."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap, inverse_values
from service.imaging.render import at_least, central_range, scaled_indices

_SMALL = (48, 48)
# Correlation of one scene's maps from frame to frame.
_SAME_SCENE = 0.5


class SteadyScale:
    """Exponential moving ends of the colour map; one for each stream.

    ``adaption``: how much of the way to a frame's own ends (the 2nd and 98th percentile) each
    frame goes, 0..1; 1 is normalisation per frame. Relative depth has a scale and a shift of its
    own in every frame, so the ends so far are first expressed in the frame's numbers: by mean and
    deviation of what the last frame showed, unless it was of another scene.
    """

    def __init__(self, adaption: float = 0.1) -> None:
        self._adaption = adaption
        self._shown: NDArray[np.float32] | None = None

    def heat_indices(self, depth: DepthMap) -> NDArray[np.uint8]:
        """Nearness 0 (far) .. 255 (near), ``(h, w)`` uint8, by the stream's ends so far."""
        values = inverse_values(depth.values, depth.kind)
        own_low, own_high = central_range(values)
        values = at_least(values, min(own_low, depth.ends[0]))
        low, high = self._follow(values, own_low, own_high)
        return scaled_indices(at_least(values, low), low, high)

    def _follow(
        self, values: NDArray[np.float32], own_low: float, own_high: float
    ) -> tuple[float, float]:
        small = np.asarray(cv2.resize(values, _SMALL, interpolation=cv2.INTER_AREA), np.float32)
        so_far_low, so_far_high = self._ends_so_far(small) or (own_low, own_high)
        low = so_far_low + self._adaption * (own_low - so_far_low)
        high = so_far_high + self._adaption * (own_high - so_far_high)
        self._shown = (small - low) / (high - low) if high > low else None
        return low, high

    def _ends_so_far(self, small: NDArray[np.float32]) -> tuple[float, float] | None:
        """What was 0 and 1 in the last frame, in this one's numbers; None for another scene."""
        if self._shown is None:
            return None
        before, now = float(self._shown.std()), float(small.std())
        together = float(((self._shown - self._shown.mean()) * (small - small.mean())).mean())
        if together <= _SAME_SCENE * before * now:
            return None
        gain = now / before
        low = float(small.mean()) - gain * float(self._shown.mean())
        return low, low + gain
