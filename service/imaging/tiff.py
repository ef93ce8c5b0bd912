"""What a TIFF must not ask of its readers, told from its tags before anything is decoded."""

from __future__ import annotations

import struct

from PIL import TiffImagePlugin
from PIL.TiffImagePlugin import TiffImageFile

from service.errors import UndecodableImage

# TIFF readers allocate a whole tile, however small the image is.
_MAX_SPARE_TILE_PIXELS = 1 << 20
_BITS = (1, 2, 4, 8, 16)
# Others are for faxes and for readers of long ago. libtiff writes a line to the log for each bad
# row of a fax: 2 MB of them were 300 MB of log, and half a minute.
_COMPRESSIONS = (
    "raw",
    "tiff_lzw",
    "jpeg",
    "tiff_adobe_deflate",
    "tiff_deflate",
    "packbits",
    "lzma",
    "zstd",
)


def check_tiff(image: TiffImageFile, data: bytes) -> None:
    """Raise :class:`UndecodableImage` for tags that no photo has."""
    tags = image.tag_v2
    width, height = image.size
    tile = int(tags.get(TiffImagePlugin.TILEWIDTH, 0)) * int(
        tags.get(TiffImagePlugin.TILELENGTH, 0)
    )
    if tile > max(width * height, _MAX_SPARE_TILE_PIXELS):
        raise UndecodableImage("The TIFF has tiles that are larger than its image.")
    if not set(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) <= set(_BITS):
        raise UndecodableImage("The TIFF must have 1, 2, 4, 8 or 16 bits a sample.")
    if image.info.get("compression") not in _COMPRESSIONS:
        raise UndecodableImage("The TIFF is compressed in a way that photos are not.")
    # Of a repeated tag Pillow, which is asked above, and libtiff, which decodes, choose
    # different values.
    numbers = _tag_numbers(data)
    if len(set(numbers)) < len(numbers):
        raise UndecodableImage("The TIFF has a tag more than once.")


def _tag_numbers(data: bytes) -> list[int]:
    """The tags of the first directory, as stored; Pillow has read it, so it is there."""
    order = "<" if data.startswith(b"II") else ">"
    big = b"+" in data[2:4]
    at, offset, count, entry = (8, "Q", "Q", 20) if big else (4, "L", "H", 12)
    (start,) = struct.unpack_from(order + offset, data, at)
    (number,) = struct.unpack_from(order + count, data, start)
    first = start + struct.calcsize(order + count)
    end = min(first + number * entry, len(data) - 1)
    return [struct.unpack_from(order + "H", data, place)[0] for place in range(first, end, entry)]
