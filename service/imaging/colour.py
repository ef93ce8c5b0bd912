"""Colours of any profile -> sRGB, in which networks and effects see and screens show."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.imaging.icc import profile_mode

_SRGB = ImageCms.createProfile("sRGB")
# A profile that differs by no more than this from sRGB at any of the colours tried is sRGB: its
# pixels stay as they are stored, and cost nothing.
_TOLERANCE = 2
_STEPS = 17
# The profiles of a few makes of phones and editors; a transform takes milliseconds to make.
_CACHED = 8


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB, grey (L) or CMYK image as RGB, by its ICC profile.

    Without a profile, or with one that is damaged or for other colours, RGB is taken for sRGB.
    """
    mode = _usable_mode(image, profile)
    transform = _transform(profile, mode) if mode else None
    return _converted(image, "RGB") if transform is None else transform(_converted(image, mode))


def _usable_mode(image: Image.Image, profile: bytes) -> str:
    """The mode in which the profile applies to the image; empty if in none."""
    mode = (profile_mode(profile) if profile else None) or ""
    # A grey photo may have the profile of the camera that took it.
    return mode if mode == image.mode or (mode, image.mode) == ("RGB", "L") else ""


def _converted(image: Image.Image, mode: str) -> Image.Image:
    # Pillow would copy what needs no conversion.
    return image if image.mode == mode else image.convert(mode)


@functools.lru_cache(maxsize=_CACHED)
def _transform(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """The transform to sRGB; None where the profile is sRGB or cannot be used."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        # Of few levels lcms need not guess any.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(own, _SRGB, mode, "RGB", flags=flags)
        if mode == "CMYK":
            return transform.apply
        colours = _sampled_colours(mode)
        stored = np.asarray(colours.convert("RGB"), np.int16)
        shown = np.asarray(transform.apply(colours))
    except Exception:  # lcms refuses what is damaged; the pixels are not.
        return None
    if np.abs(shown - stored).max() <= _TOLERANCE:
        return None
    return transform.apply if mode == "RGB" else lambda grey: Image.fromarray(shown[0][grey])


def _sampled_colours(mode: str) -> Image.Image:
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    steps: NDArray[np.uint8] = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return Image.fromarray(np.ascontiguousarray(colours.reshape(_STEPS, -1, 3)))
