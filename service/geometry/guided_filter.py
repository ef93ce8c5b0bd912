"""Depth edges moved onto the photo's edges (He, Sun, Tang: "Guided Image Filtering", PAMI 2013).

The fast form of He and Sun ("Fast Guided Filter", 2015): the local linear models are computed at a
fraction of the size and applied at full size, which changes little because they are smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.geometry.extremes import highest, lowest
from service.geometry.scene import Scene, enlarged_part
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import Rgb

Plane = NDArray[np.float32]

_REGULARIZATION = 1e-4
"""Variance of the guide (its values are 0..1) under which a window counts as flat."""

_RADIUS_SHARE = 0.012
_STEEP = np.float32(0.06)
_EDGE_SHARE = np.float32(0.72)


@dataclass(frozen=True)
class LinearModels:
    """Slopes for the three colours and intercept of every window, averaged over windows."""

    slopes: list[Plane]
    intercept: Plane


class GuidedFilter:
    """Smooths maps so that their edges follow a photo's.

    ``guide`` ``(h, w, 3)``; ``radius`` of the windows in pixels; ``subsample`` is the fraction at
    which the models are computed. What depends on the photo alone is computed once.
    """

    def __init__(self, guide: Rgb, radius: int, subsample: int = 2) -> None:
        height, width = guide.shape[:2]
        self.guide = guide
        self._size = (max(1, width // subsample), max(1, height // subsample))
        self._window = 2 * max(1, round(radius / subsample)) + 1
        small = cv2.resize(guide, self._size, interpolation=cv2.INTER_AREA).astype(np.float32)
        small *= np.float32(1 / 255)
        self._channels = [np.ascontiguousarray(small[..., channel]) for channel in range(3)]
        self._means = [self._mean(channel) for channel in self._channels]
        self._inverse = _inverse_symmetric(
            tuple(
                self._mean(self._channels[i] * self._channels[j])
                - self._means[i] * self._means[j]
                + np.float32(_REGULARIZATION * (i == j))
                for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
            )
        )

    def filter(self, values: Plane) -> Plane:
        """``values`` ``(h, w)`` float32, in each window a linear function of the three colours.

        By ridge regression (equations 14 to 16 of the paper). Returns ``(h, w)`` float32.
        """
        models = self.fit(values)
        filtered = np.empty_like(values)
        for strip in strips_in_turn(values.shape):
            filtered[strip.rows] = self.apply(models, strip.rows)
        return filtered

    def fit(self, values: Plane) -> LinearModels:
        """What :meth:`filter` finds: the functions, at a fraction of the size."""
        small = cv2.resize(values, self._size, interpolation=cv2.INTER_AREA)
        return self._local_models(np.asarray(small, np.float32))

    def apply(self, models: LinearModels, rows: slice) -> Plane:
        """Some rows of what :meth:`filter` returns."""
        height, width = self.guide.shape[:2]
        part = rows, slice(0, width)
        filtered = enlarged_part(models.intercept, (width, height), part)
        for channel, slope in enumerate(models.slopes):
            colour = cv2.extractChannel(self.guide[rows], channel)
            model = enlarged_part(slope, (width, height), part)
            cv2.multiply(colour, model, model, scale=1 / 255, dtype=cv2.CV_32F)
            cv2.add(filtered, model, filtered)
        return filtered

    def _local_models(self, values: Plane) -> LinearModels:
        mean_values = self._mean(values)
        covariance = [
            self._mean(channel * values) - middle * mean_values
            for channel, middle in zip(self._channels, self._means, strict=True)
        ]
        slopes = [
            np.asarray(sum(map(np.multiply, row, covariance)), np.float32) for row in self._inverse
        ]
        intercept = mean_values - sum(map(np.multiply, slopes, self._means))
        return LinearModels([self._mean(slope) for slope in slopes], self._mean(intercept))

    def _mean(self, plane: Plane) -> Plane:
        return np.asarray(cv2.blur(plane, (self._window, self._window)), np.float32)


def crisp_nearness(scene: Scene) -> Plane:
    """:func:`refine_nearness` without pixels between two surfaces: ``(h, w)`` in 0..1.

    For geometry. Where the photo shows no edge to follow, the filter has softened the step again.
    """
    return steepen(refine_nearness(scene), 2 * _radius(scene.width, scene.height))


def refine_nearness(scene: Scene) -> Plane:
    """The scene's nearness with its edges on the photo's edges, and steep: ``(h, w)`` in 0..1.

    A network's edges are several pixels wide; what lies in between belongs to nothing in the
    scene, so it is steepened away, and then the photo decides where exactly the edge runs.
    """
    radius = _radius(scene.width, scene.height)
    steep = steepen(scene.nearness, max(1, radius // 2))
    subsample = 1 if radius < 4 else radius // 4
    filtered = GuidedFilter(scene.pixels, radius, subsample).filter(steep)
    # A linear model overshoots beside edges, which would show as a rim of its own.
    for strip in strips_in_turn(steep.shape, radius):
        near, rows = steep[strip.read], filtered[strip.rows]
        np.clip(rows, lowest(near, radius)[strip.inner], highest(near, radius)[strip.inner], rows)
    return filtered


def edge_share(nearness: Plane) -> Plane:
    """How much an edge of ``nearness`` ``(h, w)`` is within reach, 0 (not at all) .. 1.

    The reach is what :func:`crisp_nearness` moves edges by; it ends softly.
    """
    radius = _radius(*nearness.shape)
    reach = 2 * radius
    close = (highest(nearness, reach) - lowest(nearness, reach) > _STEEP).astype(np.float32)
    side = 2 * radius + 1
    return np.asarray(cv2.blur(close, (side, side)), np.float32)


def steepen(values: Plane, radius: int) -> Plane:
    """Pixels on an edge of up to ``2 * radius`` width go to its closer end; slopes stay.

    Toggle mapping (Kramer and Bruckner, "Iterations of a non-linear transformation for enhancement
    of digital images", 1975), held back where values change by less than 0.06 or as much again
    just outside: a floor is no edge. ``(h, w)`` float32.
    """
    steep = np.empty_like(values)
    for strip in strips_in_turn(values.shape, 2 * radius):
        steep[strip.rows] = _steepened(values[strip.read], radius)[strip.inner]
    return steep


def _steepened(values: Plane, radius: int) -> Plane:
    low, high = lowest(values, radius), highest(values, radius)
    contrast = high - low
    wide_contrast = highest(values, 2 * radius) - lowest(values, 2 * radius)
    edge = (contrast > _STEEP) & (contrast > _EDGE_SHARE * wide_contrast)
    snapped = np.where(high - values < values - low, high, low)
    return np.where(edge, snapped, values)


def _radius(width: int, height: int) -> int:
    return max(2, round(_RADIUS_SHARE * max(width, height)))


def _inverse_symmetric(matrix: tuple[Plane, ...]) -> list[tuple[Plane, Plane, Plane]]:
    """Rows of the inverse of a symmetric 3x3 matrix at every pixel, by its adjugate."""
    rr, rg, rb, gg, gb, bb = matrix
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    e, f = rr * bb - rb * rb, rg * rb - rr * gb
    i = rr * gg - rg * rg
    inverse = 1 / (rr * a + rg * b + rb * c)
    a, b, c, e, f, i = (np.multiply(plane, inverse, out=plane) for plane in (a, b, c, e, f, i))
    return [(a, b, c), (b, e, f), (c, f, i)]
