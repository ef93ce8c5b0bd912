"""Decoded samples of any kind -> 8-bit sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, TiffImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import UndecodableImage
from service.imaging.colour import to_srgb

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_GREY_WITH_ALPHA = ("LA", "La")
_WITH_ALPHA = ("RGBA", "RGBa", "PA", *_GREY_WITH_ALPHA)
_WITH_PROFILE = ("RGB", "L", "CMYK")
_WHITE = (255, 255, 255)
_TIFF_WHITE_IS_ZERO = 0


def to_rgb(image: ImageFile, profile: bytes = b"") -> Image.Image:
    """A loaded image as sRGB, by its ICC profile: transparent pixels over white, 8 bits a sample.

    Raises :class:`UndecodableImage` for 32-bit and floating-point samples.
    """
    colours, alpha = _split(image)
    rgb = to_srgb(colours, profile)
    if alpha is None:
        return rgb
    # In place: a white canvas of a large photo would be 200 MB.
    rgb.paste(_WHITE, mask=ImageChops.invert(alpha))
    return rgb


def grey_numbers(image: ImageFile) -> NDArray[np.float32]:
    """A loaded image's numbers as they are stored, ``(h, w)`` float32: grey of any depth.

    Of colours the level, if all of them are grey. Raises :class:`UndecodableImage` for others.
    """
    if image.mode in (*_SIXTEEN_BIT_GREY, "I", "F", "L"):
        return np.asarray(image, np.float32)
    if image.mode in ("P", "RGB"):
        colours = np.asarray(image.convert("RGB"))
        if (colours == colours[..., :1]).all():
            return np.asarray(colours[..., 0], np.float32)
    raise UndecodableImage("The depth map is a picture in colours, which are no depth.")


def _split(image: ImageFile) -> tuple[Image.Image, Image.Image | None]:
    """Colours of 8 bits, and the alpha channel if there is one."""
    if image.mode in _SIXTEEN_BIT_GREY:
        return _grey_of_16_bits(image)
    if image.mode in ("I", "F"):
        raise UndecodableImage(
            "Images with 32-bit or floating-point samples are not supported; send 8 or 16 bits."
        )
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _without_alpha(image)
    return image if image.mode in _WITH_PROFILE else image.convert("RGB"), None


def _grey_of_16_bits(image: ImageFile) -> tuple[Image.Image, Image.Image | None]:
    samples = np.asarray(image, dtype=np.uint16)
    alpha = None
    if "transparency" in image.info:
        opaque = samples != image.info["transparency"]
        alpha = Image.fromarray(opaque.astype(np.uint8) * 255)
    # Pillow inverts such images of 8 bits, but not of 16.
    if _white_is_zero(image):
        samples = ~samples
    return Image.fromarray((samples >> 8).astype(np.uint8)), alpha


def _white_is_zero(image: ImageFile) -> bool:
    return (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _TIFF_WHITE_IS_ZERO
    )


def _without_alpha(image: ImageFile) -> tuple[Image.Image, Image.Image | None]:
    grey = image.mode in _GREY_WITH_ALPHA
    mode = "LA" if grey else "RGBA"
    # Of a large photo the copy that convert() makes of what it has would be 200 MB.
    with_alpha = image if image.mode == mode else image.convert(mode)
    alpha = with_alpha.getchannel("A")
    colours = with_alpha.convert("L" if grey else "RGB")
    # Programs that know of no alpha leave its bytes 0, and nobody sends what nobody can see.
    transparent_by_mistake = isinstance(image, BmpImageFile) and alpha.getextrema() == (0, 0)
    return colours, None if transparent_by_mistake else alpha
