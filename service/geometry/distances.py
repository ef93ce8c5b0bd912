"""From nearness to points in space: a pinhole camera and a rule for what relative depth lacks.

Relative inverse depth has no scale and no shift. The rule here: the nearest pixel is at distance 1
and the farthest at ``far_ratio``, with ``1 / distance`` linear in nearness between them. Metric
depth needs no rule and comes out in metres.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import DepthArray

_LARGEST_METRIC_RATIO = 1000.0


def distances(nearness: NDArray[np.float32], depth: DepthMap, far_ratio: float) -> DepthArray:
    """Distance along the camera's axis of every pixel, ``(h, w)`` float32, > 0.

    ``nearness`` ``(h, w)`` in 0..1 is ``depth``'s, min-max normalised, possibly of another size or
    refined. Units: metres for metric depth, else multiples of the nearest pixel's distance.
    """
    near, ratio = 1.0, far_ratio
    if depth.kind is DepthKind.METRIC_DEPTH:
        low, high = depth.extent
        near = max(low, high / _LARGEST_METRIC_RATIO, 1e-6)
        ratio = max(high / near, 1.0)
    if depth.kind is DepthKind.RELATIVE_DEPTH:
        return (1 - nearness) * np.float32(ratio - 1) + np.float32(1)
    return np.float32(near) / (nearness * np.float32(1 - 1 / ratio) + np.float32(1 / ratio))


def focal_pixels(width: int, height: int, fov: float) -> float:
    """Focal length in pixels of a camera that sees ``fov`` degrees across its longer side."""
    return max(width, height) / 2 / math.tan(math.radians(fov) / 2)


def unproject(distance: DepthArray, fov: float) -> NDArray[np.float32]:
    """Points ``(h, w, 3)`` float32 of a pinhole camera at the origin that looks along -z.

    x points right and y up (the convention of OpenGL and glTF); units are those of ``distance``.
    """
    height, width = distance.shape
    focal = focal_pixels(width, height, fov)
    points = np.empty((height, width, 3), np.float32)
    # Pixel centres lie half a pixel from the picture's corner.
    across = (np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)) / np.float32(focal)
    down = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)) / np.float32(focal)
    np.multiply(distance, across, out=points[..., 0])
    np.multiply(distance, -down[:, np.newaxis], out=points[..., 1])
    np.negative(distance, out=points[..., 2])
    return points
