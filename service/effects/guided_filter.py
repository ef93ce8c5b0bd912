"""Depth edges moved onto the photo's edges (He, Sun, Tang: "Guided Image Filtering", PAMI 2013).

The fast form of He and Sun ("Fast Guided Filter", 2015): the local linear models are computed at a
fraction of the size and applied at full size, which changes little because they are smooth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.effects.scene import Scene
from service.imaging.transforms import Rgb

Plane = NDArray[np.float32]

_REGULARIZATION = 1e-4
"""Variance of the guide (its values are 0..1) under which a window counts as flat."""

_RADIUS_SHARE = 0.012
_STEEP = np.float32(0.06)
_EDGE_SHARE = np.float32(0.72)


def guided_filter(guide: Rgb, values: Plane, radius: int, subsample: int = 2) -> Plane:
    """Smooth ``values`` ``(h, w)`` float32 so that their edges follow ``guide`` ``(h, w, 3)``.

    ``radius`` of the windows in pixels; ``subsample`` is the fraction at which the models are
    computed. In each window ``values`` are a linear function of the three colours, by ridge
    regression (equations 14 to 16 of the paper). Returns ``(h, w)`` float32.
    """
    height, width = values.shape
    size = (max(1, width // subsample), max(1, height // subsample))
    small = cv2.resize(guide, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small *= np.float32(1 / 255)
    slopes, intercept = _local_models(
        [np.ascontiguousarray(small[..., channel]) for channel in range(3)],
        np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32),
        max(1, round(radius / subsample)),
    )
    # Channel by channel: at 12 MP each plane of floats takes 50 MB.
    filtered = _enlarged(intercept, width, height)
    for channel, slope in enumerate(slopes):
        plane = cv2.extractChannel(guide, channel)
        model = _enlarged(slope, width, height)
        filtered += cv2.multiply(plane, model, model, scale=1 / 255, dtype=cv2.CV_32F)
    return filtered


def crisp_nearness(scene: Scene) -> Plane:
    """:func:`refine_nearness` without pixels between two surfaces: ``(h, w)`` in 0..1.

    For geometry. Where the photo shows no edge to follow, the filter has softened the step again.
    """
    return steepen(refine_nearness(scene), 2 * _radius(scene))


def refine_nearness(scene: Scene) -> Plane:
    """The scene's nearness with its edges on the photo's edges, and steep: ``(h, w)`` in 0..1.

    A network's edges are several pixels wide; what lies in between belongs to nothing in the
    scene, so it is steepened away, and then the photo decides where exactly the edge runs.
    """
    radius = _radius(scene)
    steep = steepen(scene.nearness, max(1, radius // 2))
    filtered = guided_filter(scene.pixels, steep, radius, 1 if radius < 4 else radius // 4)
    # A linear model overshoots beside edges, which would show as a rim of its own.
    low, high = _extremes(steep, radius)
    return np.clip(filtered, low, high, out=filtered)


def steepen(values: Plane, radius: int) -> Plane:
    """Pixels on an edge of up to ``2 * radius`` width go to its closer end; slopes stay.

    Toggle mapping (Kramer and Bruckner, "Iterations of a non-linear transformation for enhancement
    of digital images", 1975), held back where values change by less than 0.06 or as much again
    just outside: a floor is no edge. ``(h, w)`` float32.
    """
    low, high = _extremes(values, radius)
    wide_low, wide_high = _extremes(values, 2 * radius)
    contrast = high - low
    edge = (contrast > _STEEP) & (contrast > _EDGE_SHARE * (wide_high - wide_low))
    snapped = np.where(high - values < values - low, high, low)
    return np.where(edge, snapped, values)


def _extremes(values: Plane, radius: int) -> tuple[Plane, Plane]:
    """Lowest and highest value within ``radius``."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    low, high = cv2.erode(values, window), cv2.dilate(values, window)
    return np.asarray(low, np.float32), np.asarray(high, np.float32)


def _radius(scene: Scene) -> int:
    return max(2, round(_RADIUS_SHARE * max(scene.width, scene.height)))


def _local_models(guide: list[Plane], values: Plane, radius: int) -> tuple[list[Plane], Plane]:
    """Slopes for the three colours and intercept of every window, averaged over windows."""

    def mean(plane: Plane) -> Plane:
        side = 2 * radius + 1
        return np.asarray(cv2.blur(plane, (side, side)), np.float32)

    means = [mean(channel) for channel in guide]
    mean_values = mean(values)
    covariance = [
        mean(channel * values) - middle * mean_values
        for channel, middle in zip(guide, means, strict=True)
    ]
    rr, rg, rb, gg, gb, bb = (
        mean(guide[i] * guide[j]) - means[i] * means[j] + np.float32(_REGULARIZATION * (i == j))
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    slopes = _solve_symmetric((rr, rg, rb, gg, gb, bb), covariance)
    intercept = mean_values - sum(
        (slope * middle for slope, middle in zip(slopes, means, strict=True)),
        start=np.zeros_like(values),
    )
    return [mean(slope) for slope in slopes], mean(intercept)


def _solve_symmetric(matrix: tuple[Plane, ...], right: list[Plane]) -> list[Plane]:
    """Solve a symmetric 3x3 system at every pixel, by its adjugate."""
    rr, rg, rb, gg, gb, bb = matrix
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    e, f = rr * bb - rb * rb, rg * rb - rr * gb
    i = rr * gg - rg * rg
    inverse = 1 / (rr * a + rg * b + rb * c)
    x, y, z = right

    def times(p: Plane, q: Plane, r: Plane) -> Plane:
        return np.asarray((p * x + q * y + r * z) * inverse, np.float32)

    return [times(a, b, c), times(b, e, f), times(c, f, i)]


def _enlarged(plane: Plane, width: int, height: int) -> Plane:
    return np.asarray(cv2.resize(plane, (width, height)), np.float32)
