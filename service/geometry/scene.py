"""A photo and its depth at one size: what every effect that draws starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap, Mask, filled
from service.imaging.render import nearness
from service.imaging.transforms import Rgb, bounded_size, shrink, to_image_size

T = TypeVar("T", np.uint8, np.float32)


@dataclass(frozen=True)
class Scene:
    """``pixels`` ``(h, w, 3)`` uint8 RGB and ``nearness`` ``(h, w)`` float32, 0 far .. 1 near.

    ``known`` ``(h, w)``: where the nearness was read and not taken from beside it; None is
    everywhere.
    """

    pixels: Rgb
    nearness: NDArray[np.float32]
    known: Mask | None = None

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
    near, known = nearness(depth), None
    if not (depth.is_whole or depth.valid.all()):
        near = filled(near, depth.valid)
        known = resize_mask(depth.valid, size)
    return Scene(shrink(pixels, size), resize_map(near, size), known)


def resize_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask at ``size`` ``(width, height)``: pixel by pixel, or what at least half of them are."""
    shrinks = mask.shape[0] * mask.shape[1] > size[0] * size[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=how)) >= 0.5


def resize_map(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """A map of values in 0..1 at ``size`` ``(width, height)``, still in 0..1."""
    if values.shape[0] * values.shape[1] > size[0] * size[1]:
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
    # The cubic overshoots beside steps.
    enlarged = to_image_size(values, *size)
    return np.clip(enlarged, 0, 1, out=enlarged)


def enlarged_part(
    values: NDArray[T], size: tuple[int, int], part: tuple[slice, slice]
) -> NDArray[T]:
    """Some rows and columns of ``values`` ``(h, w, ...)`` enlarged to ``size`` ``(width, height)``.

    Linear, as ``cv2.resize`` would make the whole.
    """
    rows, columns = part
    across, down = (whole / own for whole, own in zip(values.shape[1::-1], size, strict=True))
    # Where a pixel's centre lies in the smaller map, as cv2.resize has it.
    places = np.array(
        [
            [across, 0, (columns.start + 0.5) * across - 0.5],
            [0, down, (rows.start + 0.5) * down - 0.5],
        ]
    )
    enlarged = cv2.warpAffine(
        values,
        places,
        (columns.stop - columns.start, rows.stop - rows.start),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(enlarged, values.dtype)
