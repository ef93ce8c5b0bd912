"""From a photo to a network's input, and from a network's output back to the photo's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Tensor = NDArray[np.float32]
DepthArray = NDArray[np.float32]

# Past this multiple of the target side a panorama is squeezed instead of growing without bound.
_LONGEST_SIDE_FACTOR = 4


class Fit(StrEnum):
    """How a photo's sides are scaled to a network's input; the aspect ratio is kept."""

    UPPER_BOUND = "upper_bound"
    """The longer side becomes the target (``Resize(resize_method="upper_bound")`` of MiDaS)."""
    AREA = "area"
    """The area becomes the target's square, so every aspect ratio gets as many pixels."""


@dataclass(frozen=True)
class InputRule:
    """How a network wants its input: RGB in 0..1, resized, then ``(x - mean) / std``."""

    target: int
    multiple: int
    fit: Fit
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def network_size(self, width: int, height: int) -> tuple[int, int]:
        """``(width, height)`` of the network's input for a photo of the given size in pixels.

        Both sides are multiples of ``multiple`` and at least one multiple. ``UPPER_BOUND`` rounds
        as the official ``Resize`` does: half to even, then down if above the target.
        """
        if self.fit is Fit.UPPER_BOUND:
            scale = min(self.target / width, self.target / height)
            longest = self.target
        else:
            scale = self.target / math.sqrt(width * height)
            longest = self.target * _LONGEST_SIDE_FACTOR
        return self._side(scale * width, longest), self._side(scale * height, longest)

    def accepts(self, width: int, height: int) -> bool:
        """Whether a network input of this size is one that a photo could have led to.

        The area may be half as much again as the target's: rounding adds up to a quarter.
        """
        longest = self.target * (_LONGEST_SIDE_FACTOR if self.fit is Fit.AREA else 1)
        return (
            all(self.multiple <= side <= longest for side in (width, height))
            and width % self.multiple == height % self.multiple == 0
            and width * height <= 1.5 * self.target**2
        )

    def _side(self, ideal: float, longest: int) -> int:
        # Python's round() is half-to-even, as numpy.round in the official code.
        side = round(ideal / self.multiple) * self.multiple
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


def to_tensor(pixels: Rgb, size: tuple[int, int], rule: InputRule) -> Tensor:
    """Pixels ``(h, w, 3)`` uint8 RGB -> network input ``(3, h', w')`` float32, contiguous.

    ``size`` is ``(w', h')``, the rule's network size for the photo (which may have been decoded at
    a fraction of its own size).

    The official transform of MiDaS: scaled to 0..1, cubic resize *without* clipping the overshoot,
    then normalisation (isl-org/MiDaS, ``midas/transforms.py``).
    """
    scaled = np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)
    resized = cv2.resize(scaled, size, interpolation=cv2.INTER_CUBIC)
    # Channel by channel: broadcasting over a last axis of 3 takes numpy 7 times longer.
    tensor = np.empty((3, *resized.shape[:2]), np.float32)
    for channel, mean, std in zip(range(3), rule.mean, rule.std, strict=True):
        np.subtract(resized[..., channel], np.float32(mean), out=tensor[channel])
        tensor[channel] /= np.float32(std)
    return tensor


def to_image_size(depth: DepthArray, width: int, height: int) -> DepthArray:
    """Network output ``(h', w')`` float32 -> ``(height, width)`` float32, bicubic.

    Equals ``torch.nn.functional.interpolate(mode="bicubic", align_corners=False)``, the last step
    of the official ``run.py``; like it, the result may overshoot the network's range slightly.
    """
    if depth.shape == (height, width):
        return depth
    # numpy asks for huge pages, OpenCV does not: at 12 MP that saves a third of the time.
    enlarged = np.empty((height, width), np.float32)
    cv2.resize(depth, (width, height), dst=enlarged, interpolation=cv2.INTER_CUBIC)
    return enlarged
