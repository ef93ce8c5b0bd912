"""A border of a photo's own mirror image, which a network is shown and its answer loses again.

Networks are worst at the rim of what they are shown. The official ZoeDepth pads a photo for that
(``infer_pil`` with ``pad_input``, isl-org/ZoeDepth, ``zoedepth/models/depth_model.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Border:
    """Pixels on each side of a photo of ``width`` times ``height`` pixels; 0 is none.

    ``across`` are left and right of it, ``down`` above and below.
    """

    width: int
    height: int
    across: int = 0
    down: int = 0

    @classmethod
    def of(cls, width: int, height: int, padding: float) -> Border:
        """The official rule: ``padding`` times the root of half a side, rounded down."""
        across, down = (int(math.sqrt(side / 2) * padding) for side in (width, height))
        return cls(width, height, across, down)

    @property
    def outer_size(self) -> tuple[int, int]:
        """``(width, height)`` with the border."""
        return self.width + 2 * self.across, self.height + 2 * self.down

    @property
    def is_none(self) -> bool:
        """Whether it has no pixels."""
        return not self.across and not self.down

    def inner_size(self, width: int, height: int) -> tuple[int, int]:
        """``(width, height)`` of the photo's part of a map of photo and border of this size."""
        outer_width, outer_height = self.outer_size
        inner = round(width * self.width / outer_width), round(height * self.height / outer_height)
        return max(1, inner[0]), max(1, inner[1])

    def added(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The photo's pixels ``(h, w, 3)`` uint8 with the border.

        Of a photo that was decoded at a fraction of its size, as wide a share of it.
        """
        if self.is_none:
            return pixels
        height, width = pixels.shape[:2]
        down = round(self.down * height / self.height)
        across = round(self.across * width / self.width)
        sides = (down, down, across, across)
        return np.asarray(cv2.copyMakeBorder(pixels, *sides, cv2.BORDER_REFLECT_101), np.uint8)

    def cut(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of a map ``(h, w)`` of photo and border, at the size of both, the photo's part."""
        down, across = slice(self.down, self.down + self.height), slice(self.across, None)
        return np.ascontiguousarray(values[down, across][:, : self.width])

    def cut_small(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same of a map of any size, as dense as it: between its pixels if need be, cubic."""
        if self.is_none:
            return values
        height, width = values.shape
        size, outer = self.inner_size(width, height), self.outer_size
        columns = _places(size[0], self.width, self.across, width / outer[0])
        rows = _places(size[1], self.height, self.down, height / outer[1])
        across, down = np.meshgrid(columns, rows)
        cubic, edge = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
        return np.asarray(cv2.remap(values, across, down, cubic, borderMode=edge), np.float32)


def _places(count: int, side: int, border: int, scale: float) -> NDArray[np.float32]:
    """Where centres of ``count`` pixels of the photo's side lie in the map, in its pixels."""
    of_photo = (np.arange(count) + 0.5) * side / count
    return ((of_photo + border) * scale - 0.5).astype(np.float32)
