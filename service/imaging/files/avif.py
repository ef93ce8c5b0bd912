"""AVIF files by their boxes (ISO/IEC 14496-12 and 23008-12), without decoding anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import UndecodableImage
from service.imaging.files.av1 import coded_pixels
from service.imaging.files.source import Source

_MAX_BOXES = 4096
_MAX_EXTENTS = 4096
_PICTURE, _EXIF = b"av01", b"Exif"
# The picture, its alpha channel and previews; more of what is small.
_MAX_TIMES_CODED = 4
_SPARE_PIXELS = 1 << 24


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    content: int
    end: int


def check_avif_frames(data: bytes, pixels: int) -> None:
    """Raise :class:`UndecodableImage` unless the coded frames fit a picture of ``pixels``.

    The size that a reader tells is the container's; what a decoder allocates is the frames'.
    """
    try:
        coded = sum(coded_pixels(picture) for picture in _pictures(data))
    except (ValueError, struct.error) as error:
        raise UndecodableImage(f"The AVIF image cannot be decoded: {error}.") from None
    if coded > _MAX_TIMES_CODED * pixels + _SPARE_PIXELS:
        raise UndecodableImage("The AVIF has larger or more frames than its picture has pixels.")


def strip_avif(data: bytes) -> Source:
    """The still picture without its EXIF, which does not turn it, and without animation."""
    stripped = bytearray(data)
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"ftyp":
            brands = data[box.content : box.end]
            stripped[box.content : box.end] = brands.replace(b"avis", b"avif")
        if box.kind == b"moov":
            stripped[box.start + 4 : box.start + 8] = b"free"
        if box.kind == b"meta":
            for place, kind, _ in _items(data, box):
                if kind == _EXIF:
                    stripped[place : place + 4] = b"none"
    return Source(bytes(stripped))


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">L4s", data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if size == 0 else start + size
        if not content <= stop <= end:
            return
        yield _Box(kind, start, content, stop)
        start = stop
    raise UndecodableImage("The AVIF has more boxes than any encoder writes.")


def _children(data: bytes, meta: _Box) -> dict[bytes, _Box]:
    # After its version and flags.
    return {box.kind: box for box in _boxes(data, meta.content + 4, meta.end)}


def _items(data: bytes, meta: _Box) -> Iterator[tuple[int, bytes, int]]:
    """Of each item: where its type stands, the type, and the item's number."""
    listed = _children(data, meta).get(b"iinf")
    if listed is None:
        return
    count_bytes = 4 if data[listed.content] else 2
    for box in _boxes(data, listed.content + 4 + count_bytes, listed.end):
        number_bytes = 4 if data[box.content] >= 3 else 2
        number = int.from_bytes(data[box.content + 4 : box.content + 4 + number_bytes])
        place = box.content + 4 + number_bytes + 2
        yield place, data[place : place + 4], number


def _pictures(data: bytes) -> Iterator[bytes]:
    """The data of each item that is coded in AV1."""
    meta = next((box for box in _boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        raise ValueError("it holds no still picture")
    pictures = {number for _, kind, number in _items(data, meta) if kind == _PICTURE}
    boxes = _children(data, meta)
    if b"iloc" not in boxes:
        raise ValueError("it holds no still picture")
    held = boxes.get(b"idat")
    left = 2 * len(data)
    for number, method, extents in _locations(_Fields(data, boxes[b"iloc"])):
        if number not in pictures:
            continue
        base = held.content if method and held else 0
        parts = [data[base + at : base + at + size if size else None] for at, size in extents]
        left -= sum(map(len, parts))
        if left < 0:
            raise ValueError("its items overlap")
        yield b"".join(parts)


class _Fields:
    """Big-endian numbers, one after the other."""

    def __init__(self, data: bytes, box: _Box) -> None:
        self._data = data
        self._at, self._end = box.content, box.end

    def take(self, count: int) -> int:
        if self._at + count > self._end:
            raise ValueError("a box is too short")
        self._at += count
        return int.from_bytes(self._data[self._at - count : self._at])


def _locations(fields: _Fields) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Number, construction method and extents (start and length) of each item."""
    version = fields.take(4) >> 24
    sizes = fields.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> at & 15 for at in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    read = 0
    for _ in range(fields.take(wide)):
        number = fields.take(wide)
        method = fields.take(2) & 15 if version else 0
        fields.take(2)
        base, extents = fields.take(base_size), []
        for _ in range(fields.take(2)):
            fields.take(index_size if version else 0)
            extents.append((base + fields.take(offset_size), fields.take(length_size)))
        read += len(extents)
        if read > _MAX_EXTENTS:
            raise ValueError("its items are in too many pieces")
        yield number, method, extents
