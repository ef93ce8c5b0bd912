"""HEIC files by their boxes (ISO/IEC 23008-12), without decoding anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from service.errors import UndecodableImage
from service.imaging.files.boxes import (
    associations,
    coded_colours,
    coded_items,
    find_meta,
    properties,
    without_extras,
)
from service.imaging.files.hevc import coded_pixels, configured_pixels
from service.imaging.files.source import Source

_PICTURES = (b"hvc1", b"hev1")
_CONFIGURATION = b"hvcC"
# The picture, its alpha channel, its light and depth, and previews; more of what is small.
_MAX_TIMES_CODED = 4
_SPARE_PIXELS = 1 << 24


def check_heif_pictures(data: bytes, pixels: int) -> None:
    """Raise :class:`UndecodableImage` unless the coded pictures fit one of ``pixels``.

    The size that a reader tells is the container's; what a decoder allocates is the pictures'.
    """
    try:
        coded = sum(_coded(data))
    except (ValueError, struct.error) as error:
        raise UndecodableImage(f"The HEIC image cannot be decoded: {error}.") from None
    if coded > _MAX_TIMES_CODED * pixels + _SPARE_PIXELS:
        raise UndecodableImage("The HEIC has larger or more pictures than it has pixels.")


def strip_heif(data: bytes) -> Source:
    """The still picture without animation, and its EXIF apart."""
    stripped, exif = without_extras(data)
    return Source(bytes(stripped), exif, coded_colours(data), is_upright=True)


def _coded(data: bytes) -> Iterator[int]:
    """Pixels of each picture and tile."""
    meta = find_meta(data)
    own, all_properties = associations(data, meta), properties(data, meta)
    for number, picture in coded_items(data, meta, _PICTURES):
        described = [
            data[box.content : box.end]
            for index in own.get(number, [])
            if 0 < index <= len(all_properties)
            and (box := all_properties[index - 1]).kind == _CONFIGURATION
        ]
        if not described:
            raise ValueError("a picture has no size")
        yield max(max(configured_pixels(one), coded_pixels(picture, one)) for one in described)
