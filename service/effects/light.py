"""Linear light: what a lens blurs (IEC 61966-2-1, sRGB)."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.transforms import Rgb

# Fine enough that all 256 levels come back from a round trip.
_STEPS = 1 << 14


def to_linear(pixels: Rgb) -> NDArray[np.float32]:
    """SRGB ``(h, w, 3)`` uint8 -> linear light ``(h, w, 3)`` float32 in 0..1."""
    return np.asarray(cv2.LUT(pixels, _linear_levels()), np.float32)


def shrunk_light(pixels: Rgb, size: tuple[int, int]) -> NDArray[np.float32]:
    """Linear light of SRGB ``(h, w, 3)`` uint8, averaged to ``size`` ``(width, height)``.

    Channel by channel, or it would take 12 bytes a pixel on the way.
    """
    planes = [
        cv2.resize(
            cv2.LUT(cv2.extractChannel(pixels, channel), _linear_levels()),
            size,
            interpolation=cv2.INTER_AREA,
        )
        for channel in range(3)
    ]
    return np.asarray(cv2.merge(planes), np.float32)


def to_srgb(light: NDArray[np.float32]) -> Rgb:
    """Linear light ``(h, w, 3)`` float32 -> sRGB uint8; what is outside of 0..1 is clipped."""
    steps = np.multiply(light, np.float32(_STEPS - 1))
    np.clip(steps, 0, _STEPS - 1, out=steps)
    return _srgb_levels()[np.rint(steps, out=steps).astype(np.uint16)]


@cache
def _linear_levels() -> NDArray[np.float32]:
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


@cache
def _srgb_levels() -> Rgb:
    light = np.arange(_STEPS) / (_STEPS - 1)
    level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(level * 255), np.uint8)
