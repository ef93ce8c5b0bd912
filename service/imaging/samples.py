"""Decoded samples of any kind -> 8-bit sRGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, TiffImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import UndecodableImage
from service.imaging.colour import pixels_to_srgb, to_srgb
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import Rgb

_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_GREY_WITH_ALPHA = ("LA", "La")
_WITH_ALPHA = ("RGBA", "RGBa", "PA", *_GREY_WITH_ALPHA)
_WITH_PROFILE = ("RGB", "L", "CMYK")
_WHITE = (255, 255, 255)
_OPAQUE = 255
_TIFF_WHITE_IS_ZERO = 0


@dataclass(frozen=True)
class _Meaning:
    """What is known of a whole image, and not of a strip of it."""

    white_is_zero: bool
    has_alpha: bool


def to_rgb(image: ImageFile, profile: bytes = b"") -> Rgb:
    """A loaded image as sRGB ``(h, w, 3)``: transparent pixels over white, 8 bits a sample.

    Colours are by the ICC ``profile``. Raises :class:`UndecodableImage` for 32-bit and
    floating-point samples.
    """
    meaning = _Meaning(_white_is_zero(image), _has_alpha(image))
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    is_opaque = "transparency" not in image.info
    convert = pixels_to_srgb(image, profile) if is_opaque else None
    if convert is not None:
        profile = b""
    # Of a large photo each copy that a conversion makes would be 200 MB.
    for strip in strips_in_turn(rgb.shape):
        whole = strip.end - strip.first == image.height
        part = image if whole else image.crop((0, strip.first, image.width, strip.end))
        rgb[strip.rows] = np.asarray(_part_to_rgb(part, profile, meaning), np.uint8)
    if convert is not None:
        convert(rgb)
    if isinstance(image, GifImageFile) and image.dispose_extent is not None:
        _leave_white(rgb, image.dispose_extent)
    return rgb


def _leave_white(rgb: Rgb, part: tuple[int, int, int, int]) -> None:
    """What lies outside of ``part`` (left, top, right, bottom), which is transparent."""
    left, top, right, bottom = part
    for outside in (rgb[:top], rgb[bottom:], rgb[:, :left], rgb[:, right:]):
        outside[:] = _WHITE


def _part_to_rgb(image: Image.Image, profile: bytes, meaning: _Meaning) -> Image.Image:
    colours, alpha = _split(image, meaning)
    rgb = to_srgb(colours, profile)
    if alpha is None:
        return rgb
    rgb.paste(_WHITE, mask=ImageChops.invert(alpha))
    return rgb


def grey_numbers(image: ImageFile) -> NDArray[np.float32]:
    """A loaded image's numbers as they are stored, ``(h, w)`` float32: grey of any depth.

    Of colours the level, if all of them are grey. Raises :class:`UndecodableImage` for others, and
    for transparent pixels, which could be meant as any number.
    """
    if _has_transparent_pixels(image):
        raise UndecodableImage(
            "The depth map has transparent pixels; save it without an alpha channel."
        )
    if image.mode in (*_SIXTEEN_BIT_GREY, "I", "F", "L"):
        return np.asarray(image, np.float32)
    if image.mode in ("1", "P", "RGB", "LA", "RGBA"):
        colours = np.asarray(image.convert("RGB"))
        if (colours == colours[..., :1]).all():
            return np.asarray(colours[..., 0], np.float32)
    raise UndecodableImage("The depth map is a picture in colours, which are no depth.")


def _has_transparent_pixels(image: Image.Image) -> bool:
    """By an alpha channel, or PNG's colour that is transparent; either may hide nothing."""
    hidden = image.info.get("transparency")
    if hidden is not None and image.mode in (*_SIXTEEN_BIT_GREY, "I"):
        return bool((np.asarray(image) == hidden).any())
    if hidden is not None:
        image = image.convert("RGBA")
    # Browsers' canvases and editors write an alpha channel whether it is needed or not.
    return "A" in image.getbands() and image.getchannel("A").getextrema()[0] != _OPAQUE


def _split(image: Image.Image, meaning: _Meaning) -> tuple[Image.Image, Image.Image | None]:
    """Colours of 8 bits, and the alpha channel if there is one."""
    if image.mode in _SIXTEEN_BIT_GREY:
        return _grey_of_16_bits(image, meaning)
    if image.mode in ("I", "F"):
        raise UndecodableImage(
            "Images with 32-bit or floating-point samples are not supported; send 8 or 16 bits."
        )
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _without_alpha(image, meaning)
    return image if image.mode in _WITH_PROFILE else image.convert("RGB"), None


def _grey_of_16_bits(
    image: Image.Image, meaning: _Meaning
) -> tuple[Image.Image, Image.Image | None]:
    samples = np.asarray(image, dtype=np.uint16)
    alpha = None
    if "transparency" in image.info:
        opaque = samples != image.info["transparency"]
        alpha = Image.fromarray(opaque.astype(np.uint8) * 255)
    # Pillow inverts such images of 8 bits, but not of 16.
    if meaning.white_is_zero:
        samples = ~samples
    return Image.fromarray((samples >> 8).astype(np.uint8)), alpha


def _white_is_zero(image: ImageFile) -> bool:
    return (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _TIFF_WHITE_IS_ZERO
    )


def _has_alpha(image: ImageFile) -> bool:
    """Programs that know of no alpha leave a BMP's bytes 0, and nobody sends what is invisible."""
    if not isinstance(image, BmpImageFile) or image.mode != "RGBA":
        return True
    return image.getchannel("A").getextrema() != (0, 0)


def _without_alpha(image: Image.Image, meaning: _Meaning) -> tuple[Image.Image, Image.Image | None]:
    grey = image.mode in _GREY_WITH_ALPHA
    with_alpha = image.convert("LA" if grey else "RGBA")
    colours = with_alpha.convert("L" if grey else "RGB")
    return colours, with_alpha.getchannel("A") if meaning.has_alpha else None
