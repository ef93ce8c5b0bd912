"""Files of boxes (ISO/IEC 14496-12) that hold pictures as items (23008-12): AVIF and HEIC."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from service.imaging.coded_colours import coded_profile

_MAX_BOXES = 4096
_MAX_EXTENTS = 4096
_EXIF = b"Exif"
# Type, primaries, transfer and matrix.
_NCLX_BYTES = 10
# Version and flags.
_FULL = 4


@dataclass(frozen=True)
class Box:
    """A box's type, and where it begins, has its content, and ends in the file."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes from ``start`` to ``end``; raises :class:`ValueError` for too many."""
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
        yield Box(kind, start, content, stop)
        start = stop
    raise ValueError("it has more boxes than any encoder writes")


def find_meta(data: bytes) -> Box:
    """The box that describes still pictures; raises :class:`ValueError` where there is none."""
    for box in boxes(data, 0, len(data)):
        if box.kind == b"meta":
            return box
    raise ValueError("it holds no still picture")


def children(data: bytes, meta: Box) -> dict[bytes, Box]:
    """The boxes in ``meta`` by their types."""
    return {box.kind: box for box in boxes(data, meta.content + _FULL, meta.end)}


def properties(data: bytes, meta: Box) -> list[Box]:
    """What items have in common (23008-12, 9.3): a box each, numbered from 1 in this order."""
    described = children(data, meta).get(b"iprp")
    if described is None:
        return []
    for box in boxes(data, described.content, described.end):
        if box.kind == b"ipco":
            return list(boxes(data, box.content, box.end))
    return []


def associations(data: bytes, meta: Box) -> dict[int, list[int]]:
    """The numbers of each item's properties."""
    found: dict[int, list[int]] = {}
    described = children(data, meta).get(b"iprp")
    if described is None:
        return found
    for box in boxes(data, described.content, described.end):
        if box.kind != b"ipma":
            continue
        fields = Fields(data, box)
        version, wide = fields.take(1), fields.take(3) & 1
        for _ in range(fields.take(4)):
            number = fields.take(4 if version else 2)
            mask = 0x7FFF if wide else 0x7F
            count = fields.take(1)
            found[number] = [fields.take(2 if wide else 1) & mask for _ in range(count)]
    return found


def coded_items(data: bytes, meta: Box, kinds: Collection[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number and data of each item of these types.

    Raises :class:`ValueError` where they overlap so much that a decoder would read much more than
    the file has.
    """
    wanted = {number for _, kind, number in items(data, meta) if kind in kinds}
    parts_of = children(data, meta)
    if b"iloc" not in parts_of:
        raise ValueError("it holds no still picture")
    held = parts_of.get(b"idat")
    left = 2 * len(data)
    for number, method, extents in locations(Fields(data, parts_of[b"iloc"])):
        if number not in wanted:
            continue
        base = held.content if method and held else 0
        parts = [data[base + at : base + at + size if size else None] for at, size in extents]
        left -= sum(map(len, parts))
        if left < 0:
            raise ValueError("its items overlap")
        yield number, b"".join(parts)


def coded_colours(data: bytes) -> bytes:
    """The profile of colours that numbers name; empty where a profile stands beside them."""
    meta = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return b""
    colours = [data[box.content : box.end] for box in properties(data, meta) if box.kind == b"colr"]
    if not colours or not all(one[:4] == b"nclx" and len(one) >= _NCLX_BYTES for one in colours):
        return b""
    return coded_profile(*struct.unpack_from(">HH", colours[0], 4))


def without_extras(data: bytes) -> tuple[bytearray, bytes]:
    """The same file, as long, without animation and without EXIF; and the latter."""
    stripped, exif = bytearray(data), b""
    for box in boxes(data, 0, len(data)):
        if box.kind == b"moov":
            stripped[box.start + 4 : box.start + 8] = b"free"
        if box.kind == b"meta":
            for place, kind, _ in items(data, box):
                if kind == _EXIF:
                    stripped[place : place + 4] = b"none"
            exif = exif or _exif(data, box)
    return stripped, exif


def _exif(data: bytes, meta: Box) -> bytes:
    """The TIFF directory of EXIF, which stands after its own offset; empty for a damaged one."""
    try:
        item = next((content for _, content in coded_items(data, meta, (_EXIF,))), b"")
    except ValueError:
        return b""
    return item[4 + int.from_bytes(item[:4]) :]


def items(data: bytes, meta: Box) -> Iterator[tuple[int, bytes, int]]:
    """Of each item: where its type stands, the type, and the item's number."""
    listed = children(data, meta).get(b"iinf")
    if listed is None:
        return
    count_bytes = 4 if data[listed.content] else 2
    for box in boxes(data, listed.content + 4 + count_bytes, listed.end):
        number_bytes = 4 if data[box.content] >= 3 else 2
        number = int.from_bytes(data[box.content + 4 : box.content + 4 + number_bytes])
        place = box.content + 4 + number_bytes + 2
        yield place, data[place : place + 4], number


class Fields:
    """Big-endian numbers, one after the other."""

    def __init__(self, data: bytes, box: Box) -> None:
        self._data = data
        self._at, self._end = box.content, box.end

    def take(self, count: int) -> int:
        if self._at + count > self._end:
            raise ValueError("a box is too short")
        self._at += count
        return int.from_bytes(self._data[self._at - count : self._at])


def locations(fields: Fields) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
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
