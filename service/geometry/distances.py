"""How far every pixel is: metres as they are, and a rule for what relative depth lacks.

Relative depth has no scale and no shift. The rule here: the nearest pixel is at distance 1 and the
farthest at ``far_ratio``, with ``1 / distance`` (of relative depth ``distance``) linear in nearness
between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.geometry.guided_filter import crisp_nearness, edge_share
from service.geometry.scene import Scene
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap, filled
from service.imaging.render import nearness
from service.imaging.transforms import DepthArray, Rgb

_ROUNDING = np.float32(1 + 1e-5)
_SMALLEST_INVERSE = np.float32(1e-9)


def distances(depth: DepthMap, far_ratio: float) -> DepthArray:
    """Distance along the camera's axis of every pixel, ``(h, w)`` float32, > 0.

    NaN where nothing is known, beyond what can be told, and outside the map's limits. Units:
    metres for metric depth, whose numbers these are; else multiples of the nearest distance.
    """
    values = depth.values
    if depth.kind is not DepthKind.METRIC_DEPTH:
        values = distances_of_nearness(nearness(depth), depth, far_ratio)
    return np.where(depth.counted, values, np.float32(np.nan))


def refined_distances(pixels: Rgb, depth: DepthMap, far_ratio: float) -> DepthArray:
    """:func:`distances` with the map's edges on those of ``pixels`` ``(h, w, 3)``, of its size.

    Away from depth edges the distances are the map's own: a photo's texture is no depth.
    """
    own = distances(depth, far_ratio)
    known = ~np.isnan(own)
    near = filled(nearness(depth), depth.valid)
    share = edge_share(near)
    blended = near + share * (crisp_nearness(Scene(pixels, near)) - near)
    moved = distances_of_nearness(blended, depth, far_ratio)
    refined = np.where(share > 0, moved, own)
    if depth.has_infinity:
        # Between a reading and infinity there is no other.
        refined[refined > np.float32(depth.extent[1]) * _ROUNDING] = np.nan
    return np.where(known, refined, np.float32(np.nan))


def distances_of_nearness(
    near: NDArray[np.float32], depth: DepthMap, far_ratio: float
) -> DepthArray:
    """Distance for each nearness ``(h, w)`` in 0..1, as ``depth`` is normalised; finite, > 0.

    Units are those of :func:`distances`.
    """
    if depth.kind is DepthKind.RELATIVE_DEPTH:
        return (1 - near) * np.float32(far_ratio - 1) + np.float32(1)
    low, high = 1 / far_ratio, 1.0
    if depth.kind is DepthKind.METRIC_DEPTH:
        low, high = depth.ends
    inverse = near * np.float32(high - low) + np.float32(low)
    return np.asarray(np.reciprocal(np.maximum(inverse, _SMALLEST_INVERSE)), np.float32)
