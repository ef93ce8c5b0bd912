"""Views of a photo: what makes few photos many.

Photos are RGB uint8 ``(h, w, 3)``, labels float32 ``(h, w)``. All chance comes from the generator
that is passed in.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Map = NDArray[np.float32]
Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.float32])

_SMALLEST_SCALE = 0.45
_STRETCH = 0.15
_LARGEST_ANGLE = 8.0


def view(photo: Image, label: Map, size: tuple[int, int], random: Generator) -> tuple[Image, Map]:
    """A random crop, at times turned or mirrored, of photo and label; ``size``: (height, width).

    The label may have another size than the photo, but shows the same.
    """
    left, top, width, height = _crop(photo.shape[1] / photo.shape[0], size, random)
    photo = _cut(photo, left, top, width, height, size)
    label = _cut(label, left, top, width, height, size)
    if random.random() < 0.3:
        # After the cut: a label whose pixels are not square would be turned otherwise.
        angle = random.uniform(-_LARGEST_ANGLE, _LARGEST_ANGLE)
        photo, label = rotate(photo, angle), rotate(label, angle)
    if random.random() < 0.5:
        photo, label = photo[:, ::-1], label[:, ::-1]
    return np.ascontiguousarray(photo), np.ascontiguousarray(label)


def rotate(pixels: Pixels, degrees: float) -> Pixels:
    """Turn about the centre, enlarged until no corner is empty."""
    height, width = pixels.shape[:2]
    angle = math.radians(abs(degrees))
    longer = max(height / width, width / height)
    zoom = math.cos(angle) + longer * math.sin(angle)
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    way = cv2.INTER_NEAREST if _has_holes(pixels) else cv2.INTER_LINEAR
    turned = cv2.warpAffine(
        pixels, turn, (width, height), flags=way, borderMode=cv2.BORDER_REPLICATE
    )
    return turned.astype(pixels.dtype)


def disturb(photo: Image, random: Generator) -> Image:
    """Other light, colours, focus, sensor and compression; depth stays what it was."""
    pixels = _single(photo / 255)
    if random.random() < 0.8:
        pixels = _light(pixels, random)
    if random.random() < 0.15:
        pixels = _blur(pixels, random)
    if random.random() < 0.2:
        noise = random.normal(0, random.uniform(0.005, 0.06), pixels.shape)
        pixels = _single(pixels + noise)
    disturbed = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if random.random() < 0.25:
        disturbed = jpeg(disturbed, int(random.integers(8, 70)))
    return disturbed


def jpeg(photo: Image, quality: int) -> Image:
    """What is left of a photo after compression (quality 0..100)."""
    bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR_RGB), np.uint8)


def _crop(
    shape: float, size: tuple[int, int], random: Generator
) -> tuple[float, float, float, float]:
    """Left, top, width, height, as shares of the photo; ``shape`` is its width over height."""
    wanted = size[1] / size[0] * math.exp(random.uniform(-_STRETCH, _STRETCH))
    width, height = min(1.0, wanted / shape), min(1.0, shape / wanted)
    # One in four shows all that fits, as most photos come to the service.
    scale = 1.0 if random.random() < 0.25 else random.uniform(_SMALLEST_SCALE, 1.0)
    width, height = width * scale, height * scale
    return random.uniform(0, 1 - width), random.uniform(0, 1 - height), width, height


def _cut(
    pixels: Pixels, left: float, top: float, width: float, height: float, size: tuple[int, int]
) -> Pixels:
    down, across = pixels.shape[:2]
    part = pixels[_range(top, height, down), _range(left, width, across)]
    shrinks = part.shape[0] * part.shape[1] > size[0] * size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    if _has_holes(part):
        way = cv2.INTER_NEAREST
    return cv2.resize(part, (size[1], size[0]), interpolation=way).astype(pixels.dtype)


def _has_holes(pixels: NDArray[Any]) -> bool:
    """Means would spread them: of a map that is a fifth known, nothing would be left."""
    return bool(np.isnan(pixels).any())


def _range(start: float, share: float, side: int) -> slice:
    first = round(start * side)
    return slice(first, max(round((start + share) * side), first + 1))


def _light(pixels: Map, random: Generator) -> Map:
    grey = pixels.mean(axis=2, keepdims=True)
    tinted = (grey + (pixels - grey) * random.uniform(0.3, 1.5)) * random.uniform(0.92, 1.08, 3)
    lit = (tinted - tinted.mean()) * random.uniform(0.65, 1.35) + tinted.mean()
    gain = random.uniform(0.25, 0.7) if random.random() < 0.15 else random.uniform(0.75, 1.25)
    return _single(np.clip(lit * gain, 0, 1) ** random.uniform(0.7, 1.4))


def _blur(pixels: Map, random: Generator) -> Map:
    height, width = pixels.shape[:2]
    factor = random.uniform(1.3, 3.0)
    small = cv2.resize(
        pixels, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA
    )
    return _single(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _single(values: NDArray[Any]) -> Map:
    return np.asarray(values, np.float32)
