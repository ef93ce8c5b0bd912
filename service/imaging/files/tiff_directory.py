"""The first directory of a TIFF (TIFF 6.0, section 2), which is also what EXIF is stored as."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ORIENTATION = 274

_EXIF_DIRECTORY, _FOCAL_LENGTH_ON_FILM = 34665, 41989

# Integers by the number of their type: BYTE, SHORT, LONG, their signed ones, IFD and 64 bits.
_ASCII = 2
_INTEGERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q", 18: "Q"}
_MAX_VALUES = 64
_MAX_LETTERS = 1024
# Cameras write about 60.
_MAX_ENTRIES = 4096


@dataclass(frozen=True)
class Entry:
    """A tag as it is stored: ``start`` and ``end`` are its place in the file.

    ``numbers`` are the first 64 of its values; None where they are no integers or not in the file.
    ``text`` is the beginning of its ASCII, at most 1,024 letters; empty where it is none.
    """

    tag: int
    start: int
    end: int
    numbers: tuple[int, ...] | None
    text: str = ""


class Directory:
    """The first 4,096 entries of one directory; what lies beyond the file's end is not there.

    Damaged bytes make it smaller, or empty; nothing is raised. ``is_whole`` says whether there are
    no more entries than were read.
    """

    def __init__(self, data: bytes, start: int | None = None) -> None:
        self.is_whole = True
        self._order = "<" if data[:2] == b"II" else ">"
        self._big = data[2:4] in (b"+\0", b"\0+")
        self._entries = list(self._read(data, start))

    @property
    def tags(self) -> list[int]:
        """All tags in the order in which they are stored, repeated ones, too."""
        return [entry.tag for entry in self._entries]

    def find(self, tag: int) -> Entry | None:
        """The first entry of a tag."""
        return next((entry for entry in self._entries if entry.tag == tag), None)

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The values of a tag; ``default`` where it is missing or no integer."""
        entry = self.find(tag)
        return default if entry is None or entry.numbers is None else entry.numbers

    def number(self, tag: int, default: int) -> int:
        """The first of :meth:`numbers`."""
        return self.numbers(tag, (default,))[0]

    def text(self, tag: int) -> str:
        """The text of a tag; empty where it is missing or none."""
        entry = self.find(tag)
        return "" if entry is None else entry.text

    def replaced(self, data: bytes, tag: int, value: int) -> bytes:
        """``data`` with one 16-bit number as the value of a tag that it has."""
        entry = self.find(tag)
        if entry is None:
            return data
        new = struct.pack(self._order + ("HHQH" if self._big else "HHLH"), tag, 3, 1, value)
        new = new.ljust(entry.end - entry.start, b"\0")
        return data[: entry.start] + new + data[entry.end :]

    def _read(self, data: bytes, start: int | None) -> Iterator[Entry]:
        header, offset, count = (8, "Q", "Q") if self._big else (4, "L", "H")
        size = 20 if self._big else 12
        if data[:2] not in (b"II", b"MM"):
            return
        try:
            if start is None:
                (start,) = struct.unpack_from(self._order + offset, data, header)
            (number,) = struct.unpack_from(self._order + count, data, start)
        except struct.error:
            return
        first = start + struct.calcsize(self._order + count)
        self.is_whole = number <= _MAX_ENTRIES
        last = min(first + min(number, _MAX_ENTRIES) * size, len(data) - size + 1)
        for place in range(first, last, size):
            tag, kind = struct.unpack_from(self._order + "HH", data, place)
            numbers, text = self._numbers(data, place, kind), self._text(data, place, kind)
            yield Entry(tag, place, place + size, numbers, text)

    def _values(self, data: bytes, place: int, size: int) -> tuple[int, int]:
        """How many values of ``size`` bytes the entry at ``place`` has, and where they are."""
        width = self._order + ("Q" if self._big else "L")
        (count,) = struct.unpack_from(width, data, place + 4)
        at = place + 4 + struct.calcsize(width)
        if count * size > struct.calcsize(width):
            (at,) = struct.unpack_from(width, data, at)
        return count, at

    def _text(self, data: bytes, place: int, kind: int) -> str:
        if kind != _ASCII:
            return ""
        count, at = self._values(data, place, 1)
        return data[at : at + min(count, _MAX_LETTERS)].partition(b"\0")[0].decode("latin-1")

    def _numbers(self, data: bytes, place: int, kind: int) -> tuple[int, ...] | None:
        letter = _INTEGERS.get(kind)
        if letter is None:
            return None
        count, at = self._values(data, place, struct.calcsize(self._order + letter))
        if count == 0:
            return None
        try:
            layout = f"{self._order}{min(count, _MAX_VALUES)}{letter}"
            return struct.unpack_from(layout, data, at)
        except struct.error:
            return None


def orientation(exif: bytes) -> int:
    """How the stored pixels are turned, 1 (upright) to 8 (EXIF 2.3, 4.6.4 A); 1 if unsaid."""
    found = Directory(exif).number(ORIENTATION, 1)
    return found if 1 <= found <= 8 else 1


def focal_length(exif: bytes) -> int:
    """Focal length as on 35 mm film in millimetres (EXIF 2.3, 4.6.5 G, tag 41989); 0 if unsaid."""
    start = Directory(exif).number(_EXIF_DIRECTORY, 0)
    found = Directory(exif, start).number(_FOCAL_LENGTH_ON_FILM, 0) if start > 0 else 0
    return found if 0 < found < 1 << 16 else 0
