"""What made-up surfaces are covered with: pieces of photos, and patterns drawn by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Scalars = NDArray[np.float32]

_REMAP_COLUMNS = 512
_SMALLEST = 4
_LARGEST = 224


@dataclass(frozen=True)
class Covering:
    """An RGB picture, its width and height in metres; it goes on in mirror images.

    What has ``glow`` (0..1) is so far bright by itself, as a lamp or a screen.
    """

    picture: Image
    metres: tuple[float, float]
    glow: float = 0.0

    @cached_property
    def _levels(self) -> list[Image]:
        """The picture, and halves of it: from afar, what is finer than a pixel is its mean."""
        levels = [self.picture]
        while min(levels[-1].shape[:2]) > 2 * _SMALLEST:
            height, width = levels[-1].shape[:2]
            half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(half, np.uint8))
        return levels

    def at(self, across: Scalars, along: Scalars, spacing: Scalars) -> Vectors:
        """Colours (0..1), ``(3, n)``, at places in metres; ``spacing`` is from pixel to pixel."""
        height, width = self.picture.shape[:2]
        finest = min(self.metres[0] / width, self.metres[1] / height)
        level = np.log2(np.maximum(spacing / np.float32(finest), 1))
        level = np.minimum(level.astype(np.int32), len(self._levels) - 1)
        x = _folded(across / np.float32(self.metres[0]) + np.float32(0.5))
        y = _folded(np.float32(0.5) - along / np.float32(self.metres[1]))
        first, last = int(level.min()), int(level.max())
        if first == last:
            return _sampled(self._levels[first], x, y)
        colours = np.empty((3, len(x)), np.float32)
        for number in range(first, last + 1):
            here = np.flatnonzero(level == number)
            if len(here):
                colours[:, here] = _sampled(self._levels[number], x[here], y[here])
        return colours


def fitted(picture: Image, width: float, height: float, glow: float = 0.0) -> Covering:
    """A picture stretched over a sheet of that size."""
    return Covering(picture, (width, height), glow)


def noise(random: Generator, side: int, cells: int, octaves: int = 3) -> Scalars:
    """Soft noise of mean 0 and about -1..1, with ``cells`` bumps along each side."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        count = min(cells << octave, side)
        bumps = random.uniform(-1, 1, (count, count)).astype(np.float32)
        total += cv2.resize(bumps, (side, side), interpolation=cv2.INTER_CUBIC) / (1 << octave)
    return total


def silhouette(random: Generator, ragged: float = 0.0, side: int = 128) -> NDArray[np.bool_]:
    """A random round outline with bays and limbs; ``ragged`` (0..1) as leaves are, with holes."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(1, 6):
        radius += random.normal(0, 0.35 / wave) * np.cos(wave * angles + random.uniform(0, 6.3))
    radius = np.maximum(radius, 0.3)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None]
    points = (points - points.min(0)) / np.ptp(points, axis=0) * (side - 1)
    outline = np.zeros((side, side), np.float32)
    cv2.fillPoly(outline, [points.astype(np.int32)], 1)
    if ragged:
        soft = cv2.blur(outline, (side // 4, side // 4))
        outline = outline * (soft + ragged * noise(random, side, 12) > 0.45)
    return outline > 0.5


def photo_piece(photos: Sequence[Image], random: Generator, least: float = 0.2) -> Image:
    """A square piece of a photo, of at least that share of its shorter side."""
    photo = photos[int(random.integers(len(photos)))]
    height, width = photo.shape[:2]
    side = int(min(height, width) * random.uniform(least, 1.0))
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    piece = photo[top : top + side, left : left + side]
    if side <= _LARGEST:
        return piece
    smaller = cv2.resize(piece, (_LARGEST, _LARGEST), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def faded(picture: Image, share: float) -> Image:
    """A picture with that share of its contrast."""
    mean = picture.mean((0, 1)).astype(np.float32)
    return pixels(mean + (picture - mean) * np.float32(share))


def pixels(values: NDArray[np.floating]) -> Image:
    """Numbers in 0..255 as a picture."""
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _folded(place: Scalars) -> Scalars:
    return np.asarray(1 - np.abs(np.mod(place, np.float32(2)) - 1), np.float32)


def _sampled(picture: Image, x: Scalars, y: Scalars) -> Vectors:
    """Colours at ``x`` and ``y`` in 0..1, between pixels where they are."""
    height, width = picture.shape[:2]
    count = len(x)
    # OpenCV takes no row that is longer than 32767.
    rows = -(-count // _REMAP_COLUMNS)
    maps = np.zeros((2, rows * _REMAP_COLUMNS), np.float32)
    maps[0, :count] = x * np.float32(width) - np.float32(0.5)
    maps[1, :count] = y * np.float32(height) - np.float32(0.5)
    across, down = maps.reshape(2, rows, _REMAP_COLUMNS)
    found = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    flat = found.reshape(-1, 3)[:count]
    return np.multiply(flat.T, np.float32(1 / 255), dtype=np.float32)
