"""Bytes of a photo -> upright 8-bit sRGB, with the checks that keep hostile bytes out.

Pillow reads the header without decoding, so the pixel limit costs nothing; unlike OpenCV it
refuses a truncated file instead of greying out the rest. It is given the pixels' part of a file
only: what else is in it is read by :mod:`service.imaging.files.jpeg` and its like, or not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from service.errors import DepthError, UndecodableImage
from service.imaging.files import formats
from service.imaging.files.avif import check_avif_frames, strip_avif
from service.imaging.files.bmp import check_bmp
from service.imaging.files.exr import SIGNATURE as EXR
from service.imaging.files.exr import read_exr
from service.imaging.files.formats import PhotoFormat, sniff
from service.imaging.files.frame_readers import AvifReader, WebpReader
from service.imaging.files.gif import strip_gif
from service.imaging.files.heif import check_heif_pictures, strip_heif
from service.imaging.files.heif_reader import open_heif
from service.imaging.files.jpeg import FILLING, check_jpeg, ended_in_two_ways, strip_jpeg
from service.imaging.files.png import strip_png
from service.imaging.files.png_reader import PngReader
from service.imaging.files.source import Source
from service.imaging.files.tiff import UprightlessTiff, check_tiff, strip_tiff
from service.imaging.files.tiff_directory import focal_length, orientation
from service.imaging.limits import too_many_pixels
from service.imaging.samples import grey_numbers, to_rgb
from service.imaging.transforms import Rgb

# The limit below is checked on every image; Pillow's own would only warn between 89 and 179 MP.
Image.MAX_IMAGE_PIXELS = None

# A photo is one thread's work; a decode process may not start any.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pillow warns of odd tags with their values, which are the caller's: each new text is a line in
# the log, and is remembered for ever.
warnings.filterwarnings("ignore", module=r"PIL\.")

# What Pillow says of valid files that it does not read.
_NOT_SUPPORTED = ("unknown pixel mode", "unsupported bmp")
_QUARTER_TURNS = (5, 6, 7, 8)
# By OpenCV, which is fast: about an axis, by quarters clockwise, and over the diagonals.
_TURNS: Mapping[int, Callable[[NDArray[Any]], object]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}

Cover = Callable[[int, int], tuple[int, int]]
"""Least size ``(width, height)`` that the decoded pixels of a photo of a given size must have."""


@dataclass(frozen=True)
class _Reader:
    """How a format is read: what is checked before, what is left out, and Pillow's class.

    ``check_size`` compares what is coded with the number of pixels that the header says.
    ``bytes_per_pixel`` is the most memory that reading a large photo takes, its result included,
    ``reduced_bytes_per_pixel`` that of decoding at a fraction, where the format can (measured by
    `python -m load_tests.decoding`).
    """

    pillow: Callable[[io.BytesIO], ImageFile]
    bytes_per_pixel: float
    reduced_bytes_per_pixel: float | None = None
    check: Callable[[bytes], None] = lambda _: None
    strip: Callable[[bytes], Source] = Source
    check_size: Callable[[bytes, int], None] = lambda _, __: None


# By class, not by Image.open: that would import more classes when it meets other bytes, which a
# decode process can no longer do, and take a JPEG with previews for something else.
_READERS: Mapping[PhotoFormat, _Reader] = {
    formats.JPEG: _Reader(JpegImageFile, 12.5, 8.2, check_jpeg, strip_jpeg),
    formats.PNG: _Reader(PngReader, 10.5, strip=strip_png),
    formats.WEBP: _Reader(WebpReader, 12.6),
    formats.AVIF: _Reader(AvifReader, 14.2, strip=strip_avif, check_size=check_avif_frames),
    formats.HEIC: _Reader(open_heif, 22.0, strip=strip_heif, check_size=check_heif_pictures),
    formats.GIF: _Reader(GifImageFile, 7.5, strip=strip_gif),
    formats.BMP: _Reader(BmpImageFile, 7.5, check=check_bmp),
    formats.TIFF: _Reader(UprightlessTiff, 8.0, check=check_tiff, strip=strip_tiff),
}


@dataclass(frozen=True)
class Photo:
    """A decoded photo: ``pixels`` is ``(h, w, 3)`` uint8 RGB, upright.

    ``width`` and ``height`` are the photo's own size, upright; a reduced decode leaves ``pixels``
    smaller. ``focal`` is EXIF's focal length as on 35 mm film, in millimetres; 0 if it says none.
    """

    pixels: Rgb
    width: int
    height: int
    focal: int = 0


@dataclass(frozen=True)
class PhotoHeader:
    """What a photo's header says: its size in pixels, upright by its EXIF orientation."""

    format: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Number of pixels that decoding will produce."""
        return self.width * self.height


def read_header(
    data: bytes, max_pixels: int, optional: Collection[PhotoFormat] = ()
) -> PhotoHeader:
    """Format and size of a photo, from its header alone.

    ``optional`` formats are read besides those that always are. Raises
    :class:`UnsupportedMediaType`, :class:`UndecodableImage`, or :class:`PayloadTooLarge` when it
    has more than ``max_pixels`` pixels.
    """
    photo_format = sniff(data, optional)
    with _typed_errors(photo_format):
        _READERS[photo_format].check(data)
    with _open(photo_format, data) as (image, source), _typed_errors(photo_format):
        turned = _turn_of(source) in _QUARTER_TURNS
        header = PhotoHeader(photo_format.name, *(image.size[::-1] if turned else image.size))
    if header.pixels > max_pixels:
        raise too_many_pixels("image", header.width, header.height, max_pixels)
    with _typed_errors(photo_format):
        _READERS[photo_format].check_size(data, header.pixels)
    return header


def decoding_bytes(data: bytes, pixels: int, *, reduced: bool) -> int:
    """Most memory that decoding a photo of so many ``pixels`` takes, its result included.

    ``reduced``: it is decoded at a fraction of its size, if its format can be. Raises
    :class:`UnsupportedMediaType`.
    """
    reader = _READERS[sniff(data, formats.OPTIONAL_FORMATS)]
    per_pixel = reader.reduced_bytes_per_pixel if reduced else None
    return round((per_pixel or reader.bytes_per_pixel) * pixels)


def is_reducible(data: bytes) -> bool:
    """Whether a photo can be decoded at a fraction of its size."""
    return _READERS[sniff(data, formats.OPTIONAL_FORMATS)].reduced_bytes_per_pixel is not None


def decode_photo(data: bytes, cover: Cover | None = None) -> Photo:
    """Decode to 8-bit sRGB, upright by its EXIF orientation.

    The first frame of an animation; transparent pixels over white and colours by the photo's
    profile, as a browser shows them; 16-bit samples are scaled to 8. With ``cover``, a JPEG is
    decoded at 1/2, 1/4 or 1/8 of its size (cheaper by up to as much) as long as that is at least
    what ``cover`` answers for the photo's upright size. Raises :class:`UnsupportedMediaType` or
    :class:`UndecodableImage`; the pixel limit, and what else is told from a header, is
    :func:`read_header`'s.
    """
    photo_format = sniff(data, formats.OPTIONAL_FORMATS)
    # Without the mark at its end, a photo may be whole, or what is left of it may be filled up.
    ended = ended_in_two_ways(data) if data.endswith(FILLING) else []
    if not ended:
        try:
            return _decode(photo_format, data, cover)
        except UndecodableImage:
            ended = ended_in_two_ways(data)
            if not ended:
                raise
    first, second = (_decode(photo_format, file, cover) for file in ended)
    if not np.array_equal(first.pixels, second.pixels):
        raise UndecodableImage("The JPEG image cannot be decoded: it is truncated.")
    return first


def decode_grey(data: bytes, max_pixels: int) -> NDArray[np.float32]:
    """The numbers of a grey PNG, JPEG, TIFF or OpenEXR, upright as a photo is: ``(h, w)`` float32.

    Raises what :func:`read_header` and :func:`decode_photo` raise, and
    :class:`UndecodableImage` for colours.
    """
    if data.startswith(EXR):
        return read_exr(data, max_pixels)
    photo_format = sniff(data)
    if photo_format is formats.TIFF:
        check_tiff(data, with_numbers=True)
    with _open(photo_format, data) as (image, source), _typed_errors(photo_format):
        if image.width * image.height > max_pixels:
            raise too_many_pixels("depth map", image.width, image.height, max_pixels)
        if _is_halved(image):
            raise UndecodableImage(
                "The depth map has 16 bits of each colour, or an alpha channel of them, of which "
                "8 are read; save it as 16-bit grey alone."
            )
        image.load()
        numbers = grey_numbers(image)
        turned = _turn_of(source)
        return np.asarray(_TURNS[turned](numbers), np.float32) if turned in _TURNS else numbers


def _is_halved(image: ImageFile) -> bool:
    """Whether Pillow will read the upper 8 of its 16 bits: it does so of all but grey."""
    return not image.mode.startswith("I") and any(";16" in str(tile.args) for tile in image.tile)


def _decode(photo_format: PhotoFormat, data: bytes, cover: Cover | None) -> Photo:
    with _open(photo_format, data) as (image, source), _typed_errors(photo_format):
        turned = _turn_of(source)
        whole = _plan_reduction(image, cover, turned) if cover is not None else None
        image.load()
        pixels = to_rgb(image, source.profile)
        if turned in _TURNS:
            pixels = np.asarray(_TURNS[turned](pixels), np.uint8)
        width, height = whole or (pixels.shape[1], pixels.shape[0])
        return Photo(pixels, width, height, focal_length(source.exif))


def _turn_of(source: Source) -> int:
    """How the stored pixels are turned, 1 (upright) to 8."""
    return 1 if source.is_upright else orientation(source.exif)


@contextlib.contextmanager
def _open(photo_format: PhotoFormat, data: bytes) -> Iterator[tuple[ImageFile, Source]]:
    """The image before it is decoded, and the metadata of its file."""
    reader = _READERS[photo_format]
    with _typed_errors(photo_format):
        source = reader.strip(data)
        image = reader.pillow(io.BytesIO(source.data))
    with image:
        yield image, _with_metadata_of(image, source)


def _with_metadata_of(image: ImageFile, source: Source) -> Source:
    """Complete what stripping has not read with what Pillow has."""
    exif = source.exif or (image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
    profile = source.profile or image.info.get("icc_profile") or b""
    return dataclasses.replace(source, exif=exif, profile=profile)


@contextlib.contextmanager
def _typed_errors(photo_format: PhotoFormat) -> Iterator[None]:
    """Make whatever a decoder's library raises an :class:`UndecodableImage`.

    On broken data they raise almost anything; none of it may reach another photo's work.
    """
    try:
        yield
    except DepthError:
        raise
    except Exception as error:
        reason = "it is truncated" if "truncated" in str(error).lower() else "its data are damaged"
        if isinstance(error, MemoryError):
            reason = "it takes too much memory"
        if any(words in str(error).lower() for words in _NOT_SUPPORTED):
            reason = "its layout of samples is not supported; save it as 8-bit RGB"
        raise UndecodableImage(
            f"The {photo_format.name} image cannot be decoded: {reason}."
        ) from error


def _plan_reduction(image: ImageFile, cover: Cover, turned: int) -> tuple[int, int] | None:
    """Make a JPEG decode at a fraction of its size; returns its whole size, upright.

    None for other formats, which decode whole.
    """
    if not isinstance(image, JpegImageFile):
        return None
    width, height = image.size
    whole = (height, width) if turned in _QUARTER_TURNS else (width, height)
    needed_width, needed_height = cover(*whole)
    needed = (needed_width, needed_height)
    image.draft(None, needed[::-1] if turned in _QUARTER_TURNS else needed)
    return whole
