"""Decoded samples of any kind -> 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image, TiffImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import UndecodableImage

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
_WHITE = (255, 255, 255)
_TIFF_WHITE_IS_ZERO = 0


def to_rgb(image: ImageFile) -> Image.Image:
    """A loaded image as RGB: transparent pixels over white, 16 bits scaled to 8.

    Raises :class:`UndecodableImage` for 32-bit and floating-point samples.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _SIXTEEN_BIT_GREY:
        return _grey_of_16_bits(image)
    if image.mode in ("I", "F"):
        raise UndecodableImage(
            "Images with 32-bit or floating-point samples are not supported; send 8 or 16 bits."
        )
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _over_white(image)
    return image.convert("RGB")


def _grey_of_16_bits(image: ImageFile) -> Image.Image:
    samples = np.asarray(image, dtype=np.uint16)
    transparent = samples == image.info.get("transparency", -1)
    # Pillow inverts such images of 8 bits, but not of 16.
    if _white_is_zero(image):
        samples = ~samples
    return Image.fromarray(np.where(transparent, 255, samples >> 8).astype(np.uint8)).convert("RGB")


def _white_is_zero(image: ImageFile) -> bool:
    return (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _TIFF_WHITE_IS_ZERO
    )


def _over_white(image: ImageFile) -> Image.Image:
    with_alpha = image.convert("RGBA")
    alpha = with_alpha.getchannel("A")
    # Programs that know of no alpha leave its bytes 0; Chromium takes those for opaque, too.
    if isinstance(image, BmpImageFile) and alpha.getextrema() == (0, 0):
        return with_alpha.convert("RGB")
    canvas = Image.new("RGB", image.size, _WHITE)
    canvas.paste(with_alpha, mask=alpha)
    return canvas
