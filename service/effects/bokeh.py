"""Blur as a lens makes it: every point becomes the shape of the aperture, nearer over farther.

Pixels are sorted into layers by the radius of their circle of confusion; each layer is blurred
with its own kernel together with its coverage, and the layers are laid over one another (compare
Kraus and Strengert, "Depth-of-Field Rendering by Pyramidal Image Processing", 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


class Bokeh(StrEnum):
    """Shape of the aperture."""

    DISK = "disk"
    HEXAGON = "hexagon"


SMALLEST_RADIUS = 1.0
"""Circles of confusion below this many pixels count as sharp."""

_LAYER_RATIO = 1.7
_LARGEST_KERNEL_RADIUS = 7.0
# OpenCV applies larger kernels by way of a Fourier transform, which takes twice the time of two
# halves: 16 ms for 15x15 on 640x360 in four channels, the halves 8.7.
_FOURIER_FROM_TAPS = 130
_SUPERSAMPLING = 8
_SMALLEST_SHARE = np.float32(1e-4)
_OPAQUE_FROM = np.float32(0.5)


@dataclass(frozen=True)
class Blurred:
    """``light`` times ``coverage`` ``(h, w, 3)`` float32, and ``coverage`` ``(h, w)`` in 0..1."""

    light: Plane
    coverage: Plane


def blur_layers(
    light: Plane,
    share: Plane,
    radius: Plane,
    largest: float,
    shape: Bokeh,
    *,
    sharp_in_front: bool,
) -> Blurred:
    """Blur every pixel by its own radius and lay the layers over one another, back to front.

    ``light`` ``(h, w, 3)`` float32, linear; ``share`` ``(h, w)`` in 0..1, how much of each pixel
    belongs here at all; ``radius`` ``(h, w)`` in pixels, at most ``largest``. ``sharp_in_front``:
    small radii lie before large ones (behind the focus), or the other way round (before the
    focus). Of a part of a picture, what lies :func:`blur_margin` inside is as in the whole.
    """
    height, width = share.shape
    radii = _layer_radii(largest)
    premultiplied = _premultiplied(light, share)
    samples: dict[int, tuple[Plane, Plane]] = {}
    stack: Plane = np.zeros((1, 1, 4), np.float32)
    for number in sorted(range(len(radii)), reverse=sharp_in_front):
        scale = _scale(radii[number])
        if scale not in samples:
            samples[scale] = _sample(premultiplied, radius, scale)
        colours, own_radius = samples[scale]
        opacity = _opacity(own_radius, radii, number, sharp_in_front)
        layer = cv2.merge([opacity] * 4)
        cv2.multiply(colours, layer, layer)
        blurred = _convolved(
            np.asarray(layer, np.float32), aperture_kernel(radii[number] / scale, shape)
        )
        stack = _over(blurred, stack)
    stack = _resized(stack, width, height)
    return Blurred(np.ascontiguousarray(stack[..., :3]), np.ascontiguousarray(stack[..., 3]))


def blur_margin(largest: float) -> tuple[int, int]:
    """How many pixels around a part of a picture its blur reads, and a multiple for its place."""
    scale = _scale(largest)
    return math.ceil(largest) + 2 * scale, scale


def _convolved(planes: Plane, kernel: Plane) -> Plane:
    """``planes`` ``(h, w, 4)`` filtered with a square kernel of odd side up to 15."""
    border = cv2.BORDER_REPLICATE
    if kernel.size < _FOURIER_FROM_TAPS:
        return np.asarray(cv2.filter2D(planes, -1, kernel, borderType=border), np.float32)
    middle = len(kernel) // 2
    upper, lower = kernel[: middle + 1], kernel[middle:].copy()
    lower[0] = 0
    blurred = cv2.filter2D(planes, -1, upper, anchor=(middle, middle), borderType=border)
    rest = cv2.filter2D(planes, -1, lower, anchor=(middle, 0), borderType=border)
    return np.asarray(cv2.add(blurred, rest, blurred), np.float32)


def aperture_kernel(radius: float, shape: Bokeh) -> Plane:
    """A filled aperture of ``radius`` pixels, anti-aliased, that sums to 1: ``(k, k)`` float32."""
    reach = math.ceil(radius)
    count = (2 * reach + 1) * _SUPERSAMPLING
    at = (np.arange(count) + 0.5) / _SUPERSAMPLING - reach - 0.5
    x, y = np.meshgrid(at, at)
    if shape is Bokeh.DISK:
        inside = x**2 + y**2 <= radius**2
    else:
        # Six half-planes whose corners lie on the circle.
        apothem = radius * math.cos(math.pi / 6)
        inside = np.ones_like(x, np.bool_)
        for angle in np.arange(3) * math.pi / 3 + math.pi / 12:
            inside &= np.abs(x * math.cos(angle) + y * math.sin(angle)) <= apothem
    side = 2 * reach + 1
    cells = inside.reshape(side, _SUPERSAMPLING, side, _SUPERSAMPLING).mean(axis=(1, 3))
    return np.asarray(cells / cells.sum(), np.float32)


def _layer_radii(largest: float) -> list[float]:
    """Radii in a geometric row, small to large, so that neighbours look alike."""
    count = math.ceil(math.log(max(largest / SMALLEST_RADIUS, 1.01)) / math.log(_LAYER_RATIO))
    return [largest / _LAYER_RATIO**step for step in reversed(range(count))]


def _scale(radius: float) -> int:
    """The power of two by which a layer can be shrunk, because its blur hides the loss."""
    return 1 << max(0, math.ceil(math.log2(radius / _LARGEST_KERNEL_RADIUS)))


def _premultiplied(light: Plane, share: Plane) -> Plane:
    colours = cv2.multiply(light, cv2.merge([share] * 3))
    return np.asarray(cv2.merge([*cv2.split(colours), share]), np.float32)


def _sample(premultiplied: Plane, radius: Plane, scale: int) -> tuple[Plane, Plane]:
    """Premultiplied light and radius at ``1 / scale`` of the size."""
    if scale == 1:
        return premultiplied, radius
    height, width = radius.shape
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    share = np.ascontiguousarray(premultiplied[..., 3])
    # Weighted, or the radius of a pixel beside the subject would be a mean of both.
    weighted = cv2.resize(cv2.multiply(radius, share), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA)
    own_radius = weighted / np.maximum(small[..., 3], _SMALLEST_SHARE)
    return np.asarray(small, np.float32), np.asarray(own_radius, np.float32)


def _opacity(radius: Plane, radii: list[float], number: int, sharp_in_front: bool) -> Plane:
    """How opaque each pixel is in a layer, so that all layers together are.

    A pixel between two layers is in both; the one behind must then be opaque, or what is farther
    still would show through.
    """
    rising: Plane = np.ones_like(radius)
    falling = rising
    if number > 0:
        rising = _ramp(radius, radii[number - 1], radii[number])
    if number < len(radii) - 1:
        falling = _ramp(radius, radii[number + 1], radii[number])
    behind = rising if sharp_in_front else falling
    # Not quite by the book: traces of a layer stay traces instead of becoming opaque.
    opacity = np.minimum(rising, falling) / np.maximum(behind, _OPAQUE_FROM)
    return np.asarray(opacity, np.float32)


def _ramp(values: Plane, start: float, end: float) -> Plane:
    """0 up to ``start``, 1 from ``end`` on; falls where ``end`` is the smaller."""
    risen = (values - np.float32(start)) * np.float32(1 / (end - start))
    return np.clip(risen, 0, 1, out=risen)


def _over(front: Plane, back: Plane) -> Plane:
    """Premultiplied colours ``(h, w, 4)`` laid over others, at the larger of their sizes."""
    height, width = max(front.shape[:2], back.shape[:2])
    front, back = _resized(front, width, height), _resized(back, width, height)
    # Into the same buffer: fresh ones take longer than the sums.
    shown = cv2.merge([1 - front[..., 3]] * 4)
    cv2.multiply(back, shown, shown)
    return np.asarray(cv2.add(shown, front, shown), np.float32)


def _resized(planes: Plane, width: int, height: int) -> Plane:
    if planes.shape[:2] == (height, width):
        return planes
    return np.asarray(cv2.resize(planes, (width, height)), np.float32)
