"""PNG files by their chunks (PNG specification, section 5), without decoding anything."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import UndecodableImage
from service.imaging.files.source import Source
from service.imaging.icc import MAX_PROFILE_BYTES

_SIGNATURE_BYTES = 8
# Encoders write pieces of 8 KB and more.
_MAX_CHUNKS = 100_000
_MAX_EXIF_BYTES = 1 << 20

_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
# How ImageMagick stored EXIF before there was a chunk for it: in hexadecimal digits.
_EXIF_TEXT = b"Raw profile type exif"
_GREY, _RGB, _PALETTE = 0, 2, 3


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    start: int
    end: int

    def content(self, data: bytes) -> bytes:
        """What it holds; empty where its checksum is wrong, which spoils no pixel."""
        body = data[self.start + 4 : self.end - 4]
        stored = int.from_bytes(data[self.end - 4 : self.end])
        return body[4:] if zlib.crc32(body) == stored else b""


def strip_png(data: bytes) -> Source:
    """The file's pixels, palette and transparency, and the EXIF and profile beside them.

    Other chunks are left out, and so are these where they are damaged or huge. Raises
    :class:`UndecodableImage` for a file in too many pieces.
    """
    kept, exif, profile, header = [data[:_SIGNATURE_BYTES]], b"", b"", b""
    for number, chunk in enumerate(_chunks(data)):
        if number > _MAX_CHUNKS:
            raise UndecodableImage("The PNG is in more pieces than any encoder writes.")
        if chunk.kind in _CRITICAL:
            kept.append(data[chunk.start : chunk.end])
        if chunk.kind == b"IHDR":
            header = chunk.content(data)
        elif chunk.kind == b"tRNS":
            kept.append(_transparency(header, chunk.content(data)))
        elif chunk.kind == b"eXIf" and chunk.end - chunk.start <= _MAX_EXIF_BYTES:
            exif = chunk.content(data)
        elif chunk.kind == b"iCCP":
            profile = _unpacked(chunk.content(data), MAX_PROFILE_BYTES)
        elif chunk.kind in _TEXT and not exif:
            exif = _exif_in_text(chunk.kind, chunk.content(data))
    return Source(b"".join(kept), exif, profile)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Chunks up to the end of the image or the file; the last one may be cut off."""
    at = _SIGNATURE_BYTES
    while at < len(data):
        kind = data[at + 4 : at + 8]
        start, at = at, at + 12 + int.from_bytes(data[at : at + 4])
        yield _Chunk(kind, start, at)
        if kind == b"IEND":
            return


def _transparency(header: bytes, value: bytes) -> bytes:
    """The chunk as Pillow understands it; nothing where it makes no sense.

    Pillow compares levels of 2 and 4 bits after it has scaled them to 8.
    """
    if len(header) < 10:
        return b""
    bits, colour = header[8], header[9]
    if len(value) != {_GREY: 2, _RGB: 6}.get(colour, len(value)):
        return b""
    if colour == _GREY and bits in (2, 4):
        level = int.from_bytes(value) & ((1 << bits) - 1)
        value = (level * 255 // ((1 << bits) - 1)).to_bytes(2)
    if colour not in (_GREY, _RGB, _PALETTE) or not value:
        return b""
    body = b"tRNS" + value
    return struct.pack(">I", len(value)) + body + struct.pack(">I", zlib.crc32(body))


def _unpacked(content: bytes, most: int) -> bytes:
    """What is packed after a name and a method; nothing if it is damaged or larger than ``most``.

    The text of zTXt is stored in the same way.
    """
    _, _, packed = content.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        unpacked = inflate.decompress(packed[1:], most)
    except zlib.error:
        return b""
    return unpacked if inflate.eof else b""


def _exif_in_text(kind: bytes, content: bytes) -> bytes:
    if kind == b"iTXt" or not content.startswith(_EXIF_TEXT + b"\0"):
        return b""
    text = content.partition(b"\0")[2] if kind == b"tEXt" else _unpacked(content, _MAX_EXIF_BYTES)
    # An empty line, the name, the length, then digits in lines.
    digits = b"".join(text.split()[2:])
    try:
        return bytes.fromhex(digits.decode("ascii")).removeprefix(b"Exif\0\0")
    except ValueError:
        return b""
