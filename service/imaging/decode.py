"""Bytes of a photo -> upright 8-bit RGB, with the checks that keep hostile bytes out.

Pillow reads the header without decoding, so the pixel limit costs nothing; unlike OpenCV it
refuses a truncated file instead of greying out the rest, and its formats can be limited.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.tiff import check_tiff
from service.imaging.transforms import Rgb

SUPPORTED_FORMATS = ("JPEG", "PNG", "WebP", "BMP", "TIFF")

# The limit below is checked on every image; Pillow's own would only warn between 89 and 179 MP.
Image.MAX_IMAGE_PIXELS = None

# Pillow warns of odd tags with their values, which are the caller's: each new text is a line in
# the log, and is remembered for ever.
warnings.filterwarnings("ignore", module=r"PIL\.")

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
# What phones and chats send, at which byte: named in the refusal.
_UNSUPPORTED = (
    (0, b"GIF8", "GIF"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
)
_WITH_JPEG_SCANS = ("JPEG", "MPO", "TIFF")
_SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
_WHITE = (255, 255, 255)

# Each scan of a progressive JPEG is a pass over all pixels, and 75 bytes can ask for one. Encoders
# write about 10; a file of 4,000 would keep a thread busy for minutes.
_MAX_JPEG_SCANS = 100
_START_OF_SCAN = b"\xff\xda"
# Pillow decodes these in Python, run by run: 1 KB of them could keep a thread busy for seconds.
_BMP_RUNS = (BmpImageFile.COMPRESSIONS["RLE8"], BmpImageFile.COMPRESSIONS["RLE4"])
_MAX_BMP_RUNS = 1 << 22
_TIFF_WHITE_IS_ZERO = 0
_QUARTER_TURNS = (5, 6, 7, 8)

Cover = Callable[[int, int], tuple[int, int]]
"""Least size ``(width, height)`` that the decoded pixels of a photo of a given size must have."""


@dataclass(frozen=True)
class Photo:
    """A decoded photo: ``pixels`` is ``(h, w, 3)`` uint8 RGB, upright.

    ``width`` and ``height`` are the photo's own size, upright; a reduced decode leaves ``pixels``
    smaller.
    """

    pixels: Rgb
    width: int
    height: int


@dataclass(frozen=True)
class PhotoHeader:
    """What a photo's header says: stored size in pixels, before its orientation is applied."""

    format: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Number of pixels that decoding will produce."""
        return self.width * self.height


def sniff_format(data: bytes) -> str:
    """The format by its first bytes; names and declared media types are not believed.

    Raises :class:`UnsupportedMediaType` for anything but the supported formats.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    known = next((name for at, mark, name in _UNSUPPORTED if data.startswith(mark, at)), None)
    raise UnsupportedMediaType(
        f"{f'This is {known}. It is' if known else 'The bytes are'} not an image in one of the "
        f"supported formats: {', '.join(SUPPORTED_FORMATS)}."
    )


def read_header(data: bytes, max_pixels: int) -> PhotoHeader:
    """Format and size of a photo, from its header alone.

    Raises :class:`UnsupportedMediaType`, :class:`UndecodableImage`, or
    :class:`PayloadTooLarge` when it has more than ``max_pixels`` pixels.
    """
    with _open(data) as image:
        header = PhotoHeader(str(image.format), *image.size)
        if isinstance(image, TiffImageFile):
            check_tiff(image, data)
        if isinstance(image, BmpImageFile):
            _check_runs(image, data)
    if data.count(_START_OF_SCAN) > _MAX_JPEG_SCANS and header.format in _WITH_JPEG_SCANS:
        raise UndecodableImage("The JPEG has more scans than any camera or editor writes.")
    if header.pixels > max_pixels:
        raise PayloadTooLarge(
            f"The image has {header.width}x{header.height} pixels; "
            f"the limit is {max_pixels} in all."
        )
    return header


def decode_photo(data: bytes, cover: Cover | None = None) -> Photo:
    """Decode to 8-bit RGB, upright by its EXIF orientation.

    The first frame of an animation; transparent pixels over white, as a browser shows them;
    16-bit samples are scaled to 8. With ``cover``, a JPEG is decoded at 1/2, 1/4 or 1/8 of its
    size (cheaper by up to as much) as long as that is at least what ``cover`` answers for the
    photo's upright size. Raises :class:`UnsupportedMediaType` or :class:`UndecodableImage`; the
    pixel limit is :func:`read_header`'s.
    """
    with _open(data) as image:
        try:
            whole = _plan_reduction(image, cover) if cover is not None else None
            image.load()
            _turn_upright(image)
            return Photo(np.asarray(_to_rgb(image)), *(whole or image.size))
        except UndecodableImage:
            raise
        except Exception as error:  # Pillow's decoders raise almost anything on broken data.
            raise _undecodable(image.format, error) from error


def _check_runs(image: BmpImageFile, data: bytes) -> None:
    if image.info.get("compression") not in _BMP_RUNS:
        return
    if max(image.width * image.height, len(data)) > _MAX_BMP_RUNS:
        raise UndecodableImage("The BMP is run-length encoded, and too large for that.")


@contextlib.contextmanager
def _open(data: bytes) -> Iterator[Image.Image]:
    name = sniff_format(data)
    try:
        image = Image.open(io.BytesIO(data), formats=[name])
    except Exception as error:  # As above: broken headers raise OSError, SyntaxError, and more.
        raise _undecodable(name, error) from error
    with image:
        yield image


def _undecodable(name: str | None, error: Exception) -> UndecodableImage:
    reason = "it is truncated" if "truncated" in str(error).lower() else "its data are damaged"
    if isinstance(error, MemoryError):
        reason = "it takes too much memory"
    return UndecodableImage(f"The {name} image cannot be decoded: {reason}.")


def _plan_reduction(image: Image.Image, cover: Cover) -> tuple[int, int] | None:
    """Make a JPEG decode at a fraction of its size; returns its whole size, upright.

    None for other formats, which decode whole.
    """
    if not isinstance(image, JpegImageFile):
        return None
    turned = False
    with contextlib.suppress(Exception):  # As in _turn_upright.
        turned = image.getexif().get(ExifTags.Base.Orientation) in _QUARTER_TURNS
    width, height = image.size
    whole = (height, width) if turned else (width, height)
    needed_width, needed_height = cover(*whole)
    image.draft(None, (needed_height, needed_width) if turned else (needed_width, needed_height))
    return whole


def _turn_upright(image: Image.Image) -> None:
    # Unreadable EXIF says nothing about the pixels, which are fine.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _white_is_zero(image: Image.Image) -> bool:
    # Pillow inverts such images of 8 bits, but not of 16.
    return (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _TIFF_WHITE_IS_ZERO
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _SIXTEEN_BIT_GREY:
        samples = np.asarray(image, dtype=np.uint16)
        if _white_is_zero(image):
            samples = ~samples
        return Image.fromarray((samples >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UndecodableImage(
            "Images with 32-bit or floating-point samples are not supported; send 8 or 16 bits."
        )
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, _WHITE)
        canvas.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return canvas
    return image.convert("RGB")
