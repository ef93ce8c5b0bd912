"""Colours of any profile -> sRGB, in which networks and effects see and screens show."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.imaging.display_profile import ToSrgb, read_display_profile
from service.imaging.icc import profile_mode
from service.imaging.transforms import Rgb

_SRGB = ImageCms.createProfile("sRGB")
# A profile that differs by no more than this from sRGB at any of the colours tried is sRGB: its
# pixels stay as they are stored, and cost nothing.
_TOLERANCE = 2
_STEPS = 17
# What rounding alone may change.
_SAME = 1
# The profiles of a few makes of phones and editors; a transform takes milliseconds to make.
_CACHED = 8


@dataclass(frozen=True)
class _Conversion:
    """``of_image`` by lcms; ``of_pixels`` within a level of it, for RGB by a display's profile."""

    of_image: Callable[[Image.Image], Image.Image]
    of_pixels: ToSrgb | None = None


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB, grey (L) or CMYK image as RGB, by its ICC profile.

    Without a profile, or with one that is damaged or for other colours, RGB is taken for sRGB.
    """
    mode = _usable_mode(image, profile)
    conversion = _conversion(profile, mode) if mode else None
    if conversion is None:
        return _converted(image, "RGB")
    return conversion.of_image(_converted(image, mode))


def pixels_to_srgb(image: Image.Image, profile: bytes) -> ToSrgb | None:
    """What :func:`to_srgb` does to the pixels of an RGB image, where that is faster; else None."""
    if image.mode != "RGB" or _usable_mode(image, profile) != "RGB":
        return None
    conversion = _conversion(profile, "RGB")
    return None if conversion is None else conversion.of_pixels


def _usable_mode(image: Image.Image, profile: bytes) -> str:
    """The mode in which the profile applies to the image; empty if in none."""
    mode = (profile_mode(profile) if profile else None) or ""
    # A grey photo may have the profile of the camera that took it.
    return mode if mode == image.mode or (mode, image.mode) == ("RGB", "L") else ""


def _converted(image: Image.Image, mode: str) -> Image.Image:
    # Pillow would copy what needs no conversion.
    return image if image.mode == mode else image.convert(mode)


@functools.lru_cache(maxsize=_CACHED)
def _conversion(profile: bytes, mode: str) -> _Conversion | None:
    """The way to sRGB; None where the profile is sRGB or cannot be used."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        # Of few levels lcms need not guess any.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(own, _SRGB, mode, "RGB", flags=flags)
        if mode == "CMYK":
            return _Conversion(transform.apply)
        colours = _sampled_colours(mode)
        stored = np.asarray(colours.convert("RGB"), np.int16)
        shown = np.asarray(transform.apply(colours))
    except Exception:  # lcms refuses what is damaged; the pixels are not.
        return None
    if np.abs(shown - stored).max() <= _TOLERANCE:
        return None
    if mode == "L":
        return _Conversion(lambda grey: Image.fromarray(shown[0][grey]))
    return _Conversion(transform.apply, _as_lcms(profile, np.asarray(colours), shown))


def _as_lcms(profile: bytes, colours: Rgb, shown: Rgb) -> ToSrgb | None:
    """A display's profile without lcms, if that agrees with it on ``colours``."""
    convert = read_display_profile(profile)
    if convert is None:
        return None
    converted = colours.copy()
    convert(converted)
    off = np.abs(converted.astype(np.int16) - shown).max()
    return convert if off <= _SAME else None


def _sampled_colours(mode: str) -> Image.Image:
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    steps: NDArray[np.uint8] = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return Image.fromarray(np.ascontiguousarray(colours.reshape(_STEPS, -1, 3)))
