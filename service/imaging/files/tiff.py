"""What a TIFF must not ask of its readers, told from its tags before anything is decoded."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image
from PIL import TiffImagePlugin as Tiff
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import UndecodableImage
from service.imaging.files.formats import raw_photo
from service.imaging.files.source import Source
from service.imaging.files.tiff_directory import ORIENTATION, Directory

MEDIA_TYPE = "image/tiff"

# TIFF readers allocate a whole tile, however small the image is.
_MAX_SPARE_TILE_PIXELS = 1 << 20
_BITS = (1, 2, 4, 8, 16)
_KINDS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_UNSIGNED, _FLOATING_POINT = 1, 3
_SWAPPED, _NATIVE = "32BF", "32NF"
_IN_PLANES, _UNCOMPRESSED = 2, 1
# None, LZW, JPEG, Deflate by its two numbers, PackBits, LZMA and Zstandard. libtiff bounds the
# scans of a JPEG itself.
_COMPRESSIONS = (1, 5, 7, 8, 32946, 32773, 34925, 50000)
# Others are for faxes, for readers of long ago, or for other codecs. libtiff writes a line to the
# log for each bad row of a fax: 2 MB of them were 300 MB of log, and half a minute.
_OTHER_COMPRESSIONS = {
    2: "fax",
    3: "fax",
    4: "fax",
    6: "JPEG of TIFF 6.0",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
} | dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000")
# What decides how much is allocated and how it is read: of other types, readers disagree on them.
_INTEGER_TAGS = (
    Tiff.IMAGEWIDTH,
    Tiff.IMAGELENGTH,
    Tiff.BITSPERSAMPLE,
    Tiff.COMPRESSION,
    Tiff.PHOTOMETRIC_INTERPRETATION,
    Tiff.FILLORDER,
    Tiff.STRIPOFFSETS,
    Tiff.SAMPLESPERPIXEL,
    Tiff.ROWSPERSTRIP,
    Tiff.STRIPBYTECOUNTS,
    Tiff.PLANAR_CONFIGURATION,
    Tiff.PREDICTOR,
    Tiff.TILEWIDTH,
    Tiff.TILELENGTH,
    Tiff.TILEOFFSETS,
    Tiff.TILEBYTECOUNTS,
    Tiff.EXTRASAMPLES,
    Tiff.SAMPLEFORMAT,
)

# Cameras' raw files put a preview first, or a mosaic of one colour a pixel.
_SUBFILE_TYPE, _SUB_DIRECTORIES = 254, 330
_REDUCED = 1
_MAX_SUB_DIRECTORIES = 8
_DNG_VERSION = 50706
_MOSAIC = (32803, 34892)
_RAW_COMPRESSIONS = {32767: "ARW", 34713: "NEF", 65535: "PEF"}
_CR2_AT, _CR2 = 8, b"CR"
_LARGE_SWAPPED = b"MM\0+"


class UprightlessTiff(TiffImageFile):
    """Pillow's TIFF reader, but for its turning upright, which fails on damaged metadata."""

    def load(self) -> Any:  # noqa: ANN401 (Pillow's own type is of a private module)
        """Take what libtiff has unpacked for numbers of this machine's order, as they are.

        Pillow, which knows that of 16 bits, swaps the bytes of floating point once more.
        """
        self.tile = [
            tile._replace(args=(_native(tile.args[0]), *tile.args[1:]))
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in self.tile
        ]
        return super().load()

    def load_end(self) -> None:
        """Leave the pixels as they are stored."""


def _native(rawmode: str) -> str:
    return rawmode.removesuffix(_SWAPPED) + _NATIVE if rawmode.endswith(_SWAPPED) else rawmode


def strip_tiff(data: bytes) -> Source:
    """The file as if it were stored upright, and its own tags as EXIF."""
    stored = Directory(data)
    upright = data if stored.number(ORIENTATION, 1) == 1 else stored.replaced(data, ORIENTATION, 1)
    return Source(upright, exif=data)


def check_tiff(data: bytes, *, with_numbers: bool = False) -> None:
    """Raise :class:`UndecodableImage` for tags that no photo has, or that are not supported.

    ``with_numbers``: allow one sample a pixel of 32-bit floating point, as depth maps have it.
    Raises :class:`UnsupportedMediaType` for a camera's raw file.
    """
    if data.startswith(_LARGE_SWAPPED):
        raise UndecodableImage(
            "The TIFF is a BigTIFF with the largest byte first, which is not supported; save it as "
            "a plain TIFF."
        )
    directory = Directory(data)
    _check_raw(data, directory)
    if not directory.is_whole:
        raise UndecodableImage("The TIFF has more tags than any camera or editor writes.")
    # Of a repeated tag Pillow, which opens the file, and libtiff, which decodes, choose different
    # values.
    if len(set(directory.tags)) < len(directory.tags):
        raise UndecodableImage("The TIFF has a tag more than once.")
    for tag in _INTEGER_TAGS:
        entry = directory.find(tag)
        if entry is not None and entry.numbers is None:
            raise UndecodableImage(f"The TIFF's tag {tag} is not a whole number.")
    _check_tile(directory)
    if not (with_numbers and _is_floating_point(directory)):
        _check_samples(directory, "floats of 32 bits, or whole" if with_numbers else "unsigned")
    compression = directory.number(Tiff.COMPRESSION, _UNCOMPRESSED)
    if compression not in _COMPRESSIONS:
        name = _OTHER_COMPRESSIONS.get(compression, f"method {compression}")
        raise UndecodableImage(
            f"The TIFF is compressed as {name}, which is not supported; save it as LZW or Deflate."
        )


def _check_tile(directory: Directory) -> None:
    width, height = directory.number(Tiff.IMAGEWIDTH, 0), directory.number(Tiff.IMAGELENGTH, 0)
    tile = directory.number(Tiff.TILEWIDTH, 0) * directory.number(Tiff.TILELENGTH, 0)
    if tile > max(width * height, _MAX_SPARE_TILE_PIXELS):
        raise UndecodableImage("The TIFF has tiles that are larger than its image.")


def _is_floating_point(directory: Directory) -> bool:
    found = [directory.numbers(tag) for tag in (Tiff.SAMPLEFORMAT, Tiff.BITSPERSAMPLE)]
    return found == [(_FLOATING_POINT,), (32,)]


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height by the tags; 0 where they are missing."""
    directory = Directory(data)
    return directory.number(Tiff.IMAGEWIDTH, 0), directory.number(Tiff.IMAGELENGTH, 0)


def tiff_bits(data: bytes) -> int:
    """Bits of its deepest sample, by the tags."""
    return max(Directory(data).numbers(Tiff.BITSPERSAMPLE, (1,)))


def tiff_text(data: bytes) -> dict[str, str]:
    """What :func:`write_tiff` wrote as ``text``; nothing for the descriptions of others."""
    try:
        # The standard library raises no ValueError at brackets in brackets in brackets.
        found = orjson.loads(Directory(data).text(Tiff.IMAGEDESCRIPTION))
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def write_tiff(values: NDArray[np.float32], text: Mapping[str, str] | None = None) -> bytes:
    """One float32 ``(h, w)``, uncompressed; ``text`` goes into ImageDescription, as JSON.

    Compressed floating point is half as large, and not read everywhere.
    """
    tags = Tiff.ImageFileDirectory_v2()
    tags[Tiff.IMAGEDESCRIPTION] = orjson.dumps(dict(text or {})).decode()
    tags[Tiff.SOFTWARE] = (text or {}).get("Software", "")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values, np.float32)).save(file, "TIFF", tiffinfo=tags)
    return file.getvalue()


def _check_samples(directory: Directory, wanted: str) -> None:
    kinds = set(directory.numbers(Tiff.SAMPLEFORMAT, (_UNSIGNED,)))
    kind = next((_KINDS[number] for number in sorted(kinds) if number in _KINDS), None)
    bits = directory.numbers(Tiff.BITSPERSAMPLE, (1,))
    if kind is None and set(bits) <= set(_BITS):
        # Pillow takes the bytes of such planes for pixels of 8 bits.
        if (
            max(bits) > 8
            and directory.number(Tiff.PLANAR_CONFIGURATION, 1) == _IN_PLANES
            and directory.number(Tiff.COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED
        ):
            raise UndecodableImage(
                "The TIFF has uncompressed planes of 16 bits, which are not supported; save it as "
                "LZW or Deflate."
            )
        return
    size = f"{max(bits)}-bit" if kind is None else f"{max(bits)}-bit {kind}"
    raise UndecodableImage(
        f"The TIFF has {size} samples, which are not supported; "
        f"send {wanted} ones of 1, 2, 4, 8 or 16 bits."
    )


def _check_raw(data: bytes, first: Directory) -> None:
    if first.find(_DNG_VERSION) is not None:
        raise raw_photo("DNG")
    if data.startswith(_CR2, _CR2_AT):
        raise raw_photo("CR2")
    starts = first.numbers(_SUB_DIRECTORIES)[:_MAX_SUB_DIRECTORIES]
    below = (Directory(data, start) for start in starts)
    is_preview = first.number(_SUBFILE_TYPE, 0) & _REDUCED
    for directory in (first, *below):
        if is_preview and not directory.number(_SUBFILE_TYPE, 0) & _REDUCED:
            raise raw_photo("of a camera")
        compression = directory.number(Tiff.COMPRESSION, 1)
        if directory.number(Tiff.PHOTOMETRIC_INTERPRETATION, 1) in _MOSAIC:
            raise raw_photo(_RAW_COMPRESSIONS.get(compression, "of a camera"))
        if compression in _RAW_COMPRESSIONS:
            raise raw_photo(_RAW_COMPRESSIONS[compression])
