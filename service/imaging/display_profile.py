"""Profiles of displays and cameras: a curve for each channel, then a matrix (ICC.1:2022, 8.3.3).

Display P3, Adobe RGB, ProPhoto and their like. Tables and a product do what lcms does, in a quarter
of its time and over all cores.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from service.imaging.icc import profile_tags
from service.imaging.strips import in_strips
from service.imaging.transforms import Rgb

Matrix = NDArray[np.float64]
Curve = NDArray[np.float64]
"""Light of the levels 0 to 255, 0 to 1."""

_LEVELS = np.arange(256) / 255
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
# Light in whole numbers, of which a picture's darkest level has ten.
_FULL_LIGHT = 32767
_LONGEST_CURVE = 1 << 16
# Parameters of each kind of formula (table 68).
_PARAMETERS = (1, 3, 4, 5, 7)
_ROWS_IN_CACHE = 64


@dataclass(frozen=True)
class ToSrgb:
    """``curves`` int16: light of each level; ``matrix`` ``(3, 3)``: in sRGB's.

    ``curves`` is ``(1, 256)`` where all channels have the same, else ``(1, 256, 3)``.
    """

    curves: NDArray[np.int16]
    matrix: NDArray[np.float32]

    def __call__(self, pixels: Rgb) -> None:
        """Make the pixels ``(h, w, 3)`` sRGB, in place; what it cannot show is clipped."""
        levels = _levels_of_light()

        def convert(first: int, end: int) -> None:
            for top in range(first, end, _ROWS_IN_CACHE):
                rows = slice(top, min(top + _ROWS_IN_CACHE, end))
                light = cv2.transform(cv2.LUT(pixels[rows], self.curves), self.matrix)
                # As unsigned, negative light is beyond full, and its level is 0.
                cv2.LUT(light.view(np.uint16), levels, dst=pixels[rows])

        in_strips(pixels.shape, convert)


def read_display_profile(profile: bytes) -> ToSrgb | None:
    """The way to sRGB; None for profiles of other kinds, or with a curve that is damaged.

    ``profile`` has passed :func:`service.imaging.icc.profile_mode`.
    """
    tags = dict(profile_tags(profile))
    if any(name[:3] in (b"A2B", b"D2B") for name in tags):
        return None
    try:
        curves = [_curve(tags[name]) for name in _CURVES]
        matrix = np.linalg.inv(_srgb_primaries()) @ _primaries(tags)
    except (KeyError, ValueError, struct.error):
        return None
    light = np.rint(np.stack(curves, axis=-1) * _FULL_LIGHT).astype(np.int16)[np.newaxis]
    # OpenCV is twice as fast with one table for all channels, which nearly all profiles have.
    if (light == light[..., :1]).all():
        light = np.ascontiguousarray(light[..., 0])
    return ToSrgb(light, matrix.astype(np.float32))


def _primaries(tags: dict[bytes, bytes]) -> Matrix:
    columns = [struct.unpack_from(">3l", tags[name], 8) for name in _COLUMNS]
    return np.array(columns).T / 65536


@cache
def _srgb_primaries() -> Matrix:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return _primaries(dict(profile_tags(own)))


@cache
def _levels_of_light() -> NDArray[np.uint8]:
    """SRGB's levels (IEC 61966-2-1) of light 0 to 32767; 0 from 32768 on."""
    light = np.arange(_FULL_LIGHT + 1) / _FULL_LIGHT
    level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.pad(np.rint(level * 255).astype(np.uint8), (0, _FULL_LIGHT + 1))


def _curve(content: bytes) -> Curve:
    if content[:4] == b"para":
        light = _formula(content)
    elif content[:4] == b"curv":
        light = _table(content)
    else:
        raise ValueError("not a curve")
    if not np.isfinite(light).all():
        raise ValueError("a curve without values")
    return light.clip(0, 1)


def _table(content: bytes) -> Curve:
    (count,) = struct.unpack_from(">L", content, 8)
    if count > _LONGEST_CURVE:
        raise ValueError("too long a curve")
    values = np.array(struct.unpack_from(f">{count}H", content, 12), np.float64)
    if count == 0:
        return _LEVELS
    if count == 1:
        return np.asarray(_LEVELS ** (values[0] / 256))
    return np.interp(_LEVELS, np.linspace(0, 1, count), values / 65535)


def _formula(content: bytes) -> Curve:
    (kind,) = struct.unpack_from(">H", content, 8)
    if kind >= len(_PARAMETERS):
        raise ValueError("an unknown formula")
    numbers = struct.unpack_from(f">{_PARAMETERS[kind]}l", content, 12)
    # What a kind lacks: no factor, no shift, no line below, no constants.
    lacking = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)[len(numbers) :]
    values: list[float] = [number / 65536 for number in numbers]
    gamma, a, b, c, d, e, f = [*values, *lacking]
    if kind in (1, 2):
        # Below its zero the power is left out, and its constant alone is left.
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c
    with np.errstate(invalid="ignore", over="ignore"):
        power = np.maximum(a * _LEVELS + b, 0) ** gamma + e
        return np.asarray(np.where(d <= _LEVELS, power, c * _LEVELS + f), np.float64)
