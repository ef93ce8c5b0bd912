"""From a photo to a network's input, and from a network's output back to the photo's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.border import Border

Rgb = NDArray[np.uint8]
Tensor = NDArray[np.float32]
DepthArray = NDArray[np.float32]

# Past this multiple of the target side a panorama is squeezed instead of growing without bound.
_LONGEST_SIDE_FACTOR = 4

LARGE_PIXELS = 16_000_000
"""A photo of more takes over 200 MB as floating-point numbers."""


class Fit(StrEnum):
    """How a photo's sides are scaled to a network's input.

    The aspect ratio is kept, but for ``STRETCH``. The first three are ``resize_method`` of MiDaS.
    """

    UPPER_BOUND = "upper_bound"
    """No side is longer than the target."""
    LOWER_BOUND = "lower_bound"
    """No side is shorter than the target."""
    MINIMAL = "minimal"
    """One side becomes the target, whichever needs less scaling."""
    AREA = "area"
    """The area becomes the target's, so every aspect ratio gets as many pixels."""
    STRETCH = "stretch"
    """Both sides become the target."""


class Interpolation(StrEnum):
    """How values between pixels are found."""

    CUBIC = "cubic"
    """OpenCV's ``INTER_CUBIC``, torch's ``bicubic``; may overshoot the values it is given."""
    CUBIC_DOUBLE = "cubic_double"
    """The same in float64, as official codes resize photos; 2.5 times the time of float32, whose
    rounding large networks amplify: DPT hybrid's golden map would be off by 3e-3."""
    LINEAR = "linear"
    """OpenCV's ``INTER_LINEAR``, torch's ``bilinear``."""
    LINEAR_CORNERS = "linear_corners"
    """torch's ``bilinear`` with ``align_corners=True``."""
    NEAREST = "nearest"
    """The value of the pixel that a place lies in: no value that was not there."""


@dataclass(frozen=True)
class InputRule:
    """How a network wants its input: RGB in 0..1, resized, then ``(x - mean) / std``.

    ``target`` is a side in pixels, of the height where ``target_width`` is another. ``LINEAR``
    resizes the 8-bit pixels, as LeReS does; the others numbers in 0..1. ``enlargement`` is how
    many times as large the input is each way: more than 1 is to be cut into tiles. ``padding`` is
    how wide a border the photo gets first (:meth:`Border.of`), and with ``mirror`` the network is
    shown the input's mirror image, too: its answer is the mean of both.
    """

    target: int
    multiple: int
    fit: Fit
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    resize: Interpolation = Interpolation.CUBIC
    target_width: int | None = None
    enlargement: int = 1
    padding: float = 0.0
    mirror: bool = False

    @property
    def target_size(self) -> tuple[int, int]:
        """``(width, height)`` of the target in pixels."""
        return self.target_width or self.target, self.target

    def network_size(self, width: int, height: int) -> tuple[int, int]:
        """``(width, height)`` of the network's input for a photo of the given size in pixels.

        Both sides are multiples of ``multiple`` and at least one multiple. They are rounded as
        the official ``Resize`` does: half to even, then inwards if beyond a bound.
        """
        width, height = self.border(width, height).outer_size
        scale = self._scale(width, height)
        across, down = self.target_size
        if scale is not None:
            across, down = self._side(scale * width, across), self._side(scale * height, down)
        return across * self.enlargement, down * self.enlargement

    def border(self, width: int, height: int) -> Border:
        """What is put around a photo of the given size before it is resized."""
        return Border.of(width, height, self.padding)

    def map_size(self, width: int, height: int) -> tuple[int, int]:
        """``(width, height)`` of the network's map of a photo of the given size, without border."""
        return self.border(width, height).inner_size(*self.network_size(width, height))

    def accepts(self, width: int, height: int) -> bool:
        """Whether a network input of this size is one that a photo could have led to."""
        if self.fit is Fit.STRETCH:
            return (width, height) == self.target_size
        longest = max(self.target_size) * self._longest_factor
        return (
            all(self.multiple <= side <= longest for side in (width, height))
            and width % self.multiple == height % self.multiple == 0
            and width * height <= self._largest_area
        )

    @property
    def _longest_factor(self) -> int:
        return 1 if self.fit is Fit.UPPER_BOUND else _LONGEST_SIDE_FACTOR

    @property
    def _largest_area(self) -> float:
        """Of the two fits that bound the area, half as much again: rounding adds to it."""
        width, height = self.target_size
        bounded = self.fit in (Fit.UPPER_BOUND, Fit.AREA)
        return (1.5 if bounded else _LONGEST_SIDE_FACTOR) * width * height

    def _scale(self, width: int, height: int) -> float | None:
        """By how much both sides are scaled; None where each is by its own."""
        target_width, target_height = self.target_size
        across, down = target_width / width, target_height / height
        match self.fit:
            case Fit.UPPER_BOUND:
                return min(across, down)
            case Fit.LOWER_BOUND:
                return max(across, down)
            case Fit.MINIMAL:
                return across if abs(1 - across) < abs(1 - down) else down
            case Fit.AREA:
                return math.sqrt(across * down)
            case Fit.STRETCH:
                return None

    def _side(self, ideal: float, target: int) -> int:
        # Python's round() is half-to-even, as numpy.round in the official code.
        side = round(ideal / self.multiple) * self.multiple
        longest = target * self._longest_factor
        if self.fit is Fit.LOWER_BOUND and side < target:
            side = math.ceil(target / self.multiple) * self.multiple
        if side > longest:
            side = math.floor(min(ideal, longest) / self.multiple) * self.multiple
        return max(side, self.multiple)


def bounded_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """``(width, height)`` scaled down, keeping its shape, so that no side exceeds ``max_side``."""
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """``pixels`` ``(h, w, 3)`` uint8 scaled down to ``size`` ``(width, height)``."""
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def reduced(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """A large picture by a whole number, each pixel the mean of those it stands for.

    It keeps at least three times ``size`` ``(width, height)`` on both sides: with less, the
    embedded network's depth of a 24 MP photo differed by up to 2.7% of its range instead of 0.8%.
    """
    height, width = pixels.shape[:2]
    factor = min(width // (3 * size[0]), height // (3 * size[1]))
    if width * height <= LARGE_PIXELS or factor < 2:
        return pixels
    return shrink(pixels, (width // factor, height // factor))


def to_tensor(pixels: Rgb, size: tuple[int, int], rule: InputRule) -> Tensor:
    """Pixels ``(h, w, 3)`` uint8 RGB -> network input ``(3, h', w')`` float32, contiguous.

    ``size`` is ``(w', h')``, the rule's network size for the photo (which may have been decoded at
    a fraction of its own size).

    The official transform of MiDaS: scaled to 0..1, cubic resize *without* clipping the overshoot,
    then normalisation (isl-org/MiDaS, ``midas/transforms.py``); or with the rule's own resizing.
    """
    resized = _resized(pixels, size, rule.resize)
    # Channel by channel: broadcasting over a last axis of 3 takes numpy 7 times longer.
    tensor = np.empty((3, *resized.shape[:2]), np.float32)
    for channel, mean, std in zip(range(3), rule.mean, rule.std, strict=True):
        np.subtract(resized[..., channel], np.float32(mean), out=tensor[channel])
        tensor[channel] /= np.float32(std)
    return tensor


def to_pixels(tensor: Tensor, rule: InputRule) -> Rgb:
    """What a network is shown: its input ``(3, h, w)`` float32 -> ``(h, w, 3)`` uint8 RGB."""
    pixels = np.empty((*tensor.shape[1:], 3), np.uint8)
    for channel, mean, std in zip(range(3), rule.mean, rule.std, strict=True):
        levels = tensor[channel] * np.float32(255 * std) + np.float32(255 * mean + 0.5)
        pixels[..., channel] = np.clip(levels, 0, 255, out=levels)
    return pixels


def to_image_size(
    depth: DepthArray, width: int, height: int, how: Interpolation = Interpolation.CUBIC
) -> DepthArray:
    """Network output ``(h', w')`` float32 -> ``(height, width)`` float32.

    Cubic, the last step of the official MiDaS, it may overshoot the network's range slightly.
    """
    if depth.shape == (height, width):
        return depth
    if how is Interpolation.LINEAR_CORNERS:
        return _corner_linear(depth, width, height)
    if how is Interpolation.NEAREST:
        rows, columns = nearest(depth.shape[0], height), nearest(depth.shape[1], width)
        return depth[rows[:, np.newaxis], columns]
    # numpy asks for huge pages, OpenCV does not: at 12 MP that saves a third of the time.
    enlarged = np.empty((height, width), np.float32)
    flag = cv2.INTER_CUBIC if how is Interpolation.CUBIC else cv2.INTER_LINEAR
    cv2.resize(depth, (width, height), dst=enlarged, interpolation=flag)
    return enlarged


def centres(count: int) -> NDArray[np.float64]:
    """Places 0..1 of the centres of ``count`` pixels in a row."""
    return (np.arange(count) + 0.5) / count


def nearest(count: int, places: int) -> NDArray[np.intp]:
    """Which of ``count`` pixels in a row the centres of ``places`` pixels of that row lie in."""
    return ((2 * np.arange(places) + 1) * count // (2 * places)).astype(np.intp)


def _resized(pixels: Rgb, size: tuple[int, int], how: Interpolation) -> NDArray[np.float32]:
    """``(h', w', 3)`` float32, about 0..1."""
    to_unit = np.float32(1 / 255)
    if how is Interpolation.LINEAR:
        resized = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        return np.multiply(resized, to_unit, dtype=np.float32)
    if how is Interpolation.LINEAR_CORNERS:
        return _corner_linear(pixels, *size) * to_unit
    if how is Interpolation.CUBIC_DOUBLE:
        # Channel by channel: a photo in float64 at once would take 24 bytes a pixel.
        planes = [
            cv2.resize(pixels[..., channel] / 255.0, size, interpolation=cv2.INTER_CUBIC)
            for channel in range(3)
        ]
        return np.stack(planes, axis=-1, dtype=np.float32, casting="same_kind")
    scaled = np.multiply(pixels, to_unit, dtype=np.float32)
    return np.asarray(cv2.resize(scaled, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _corner_linear(values: NDArray[np.generic], width: int, height: int) -> NDArray[np.float32]:
    """``(h, w, ...)`` -> ``(height, width, ...)`` float32; corner pixels stay in the corners."""
    for axis, size in enumerate((height, width)):
        place = np.linspace(0, values.shape[axis] - 1, size)
        before = place.astype(np.intp)
        after = np.minimum(before + 1, values.shape[axis] - 1)
        share = (place - before).astype(np.float32)
        share = share.reshape((-1,) + (1,) * (values.ndim - 1 - axis))
        low = np.take(values, before, axis).astype(np.float32, copy=False)
        high = np.take(values, after, axis).astype(np.float32, copy=False)
        values = low + share * (high - low)
    return np.asarray(values, np.float32)
