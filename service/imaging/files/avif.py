"""AVIF files by their boxes (ISO/IEC 23008-12), without decoding anything."""

from __future__ import annotations

import struct

from service.errors import UndecodableImage
from service.imaging.files.av1 import coded_pixels
from service.imaging.files.boxes import boxes, coded_colours, coded_items, find_meta, without_extras
from service.imaging.files.source import Source

_PICTURE = b"av01"
# The picture, its alpha channel and previews; more of what is small.
_MAX_TIMES_CODED = 4
_SPARE_PIXELS = 1 << 24


def check_avif_frames(data: bytes, pixels: int) -> None:
    """Raise :class:`UndecodableImage` unless the coded frames fit a picture of ``pixels``.

    The size that a reader tells is the container's; what a decoder allocates is the frames'.
    """
    try:
        pictures = coded_items(data, find_meta(data), (_PICTURE,))
        coded = sum(coded_pixels(picture) for _, picture in pictures)
    except (ValueError, struct.error) as error:
        raise UndecodableImage(f"The AVIF image cannot be decoded: {error}.") from None
    if coded > _MAX_TIMES_CODED * pixels + _SPARE_PIXELS:
        raise UndecodableImage("The AVIF has larger or more frames than its picture has pixels.")


def strip_avif(data: bytes) -> Source:
    """The still picture without animation, and without its EXIF, which does not turn it."""
    stripped, _ = without_extras(data)
    for box in boxes(data, 0, len(data)):
        if box.kind == b"ftyp":
            brands = data[box.content : box.end]
            stripped[box.content : box.end] = brands.replace(b"avis", b"avif")
    return Source(bytes(stripped), profile=coded_colours(data))
