"""A photo and its depth at one size: what every effect that draws starts from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap, filled
from service.imaging.render import nearness
from service.imaging.transforms import Rgb, bounded_size, shrink, to_image_size


@dataclass(frozen=True)
class Scene:
    """``pixels`` ``(h, w, 3)`` uint8 RGB and ``nearness`` ``(h, w)`` float32, 0 far .. 1 near."""

    pixels: Rgb
    nearness: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def make_scene(pixels: Rgb, depth: DepthMap, max_side: int) -> Scene:
    """Photo and nearness at the photo's size, scaled down to at most ``max_side`` a side.

    ``depth`` may have another size than the photo; it shows the same view. Where it has no
    reading, the nearest one stands for it.
    """
    size = bounded_size(pixels.shape[1], pixels.shape[0], max_side)
    near = nearness(depth)
    if not depth.is_whole:
        near = filled(near, depth.valid)
    return Scene(shrink(pixels, size), resize_map(near, size))


def resize_map(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """A map of values in 0..1 at ``size`` ``(width, height)``, still in 0..1."""
    if values.shape[0] * values.shape[1] > size[0] * size[1]:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    # The cubic overshoots beside steps.
    enlarged = to_image_size(values, *size)
    return np.clip(enlarged, 0, 1, out=enlarged)
