"""How sharply a depth map changes where the true depth jumps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# A jump is a slope of more than this share of the true inverse depth's range a pixel.
_JUMP = 0.03
# Pixels around an edge that are neither at it nor away from it.
_MARGIN = 9


@dataclass(frozen=True)
class EdgeSlopes:
    """Mean slopes, as shares of the map's range a pixel, at the true edges and away from them.

    A sharper map is steeper at the edges; one that is only noisier is steeper elsewhere, too.
    """

    edges: float
    elsewhere: float


def edge_slopes(estimate: NDArray[np.floating], truth: NDArray[np.floating]) -> EdgeSlopes:
    """Slopes of relative inverse depth ``(h, w)`` by true depth, metres, of the same size.

    NaN, infinity and 0 are unknown.
    """
    known = np.isfinite(truth) & (truth > 0)
    inverse = 1 / np.where(known, truth, 1).astype(np.float64)
    true_slopes = _slopes(np.where(known, inverse, np.median(inverse[known])))
    # Where the truth is unknown, its own edge is no edge of the scene.
    inside = cv2.erode(known.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    edge = inside & (true_slopes > _JUMP)
    around = cv2.dilate(edge.astype(np.uint8), np.ones((2 * _MARGIN + 1,) * 2, np.uint8))
    smooth = inside & ~around.astype(bool)
    own = _slopes(estimate)
    return EdgeSlopes(float(own[edge].mean()), float(own[smooth].mean()))


def _slopes(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Change a pixel in any direction, as a share of the range."""
    scaled = ((values - values.min()) / np.ptp(values)).astype(np.float64)
    across = cv2.Sobel(scaled, cv2.CV_64F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(scaled, cv2.CV_64F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(np.hypot(across, down))
