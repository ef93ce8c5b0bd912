"""Writers of image containers that believe whatever they are told."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Tag = tuple[int, int, int, bytes]
"""A TIFF tag: number, type, count, and its value in place (4 bytes)."""


def png_chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """A chunk with a right checksum and, if told, a wrong length."""
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int,
    height: int,
    rows: bytes,
    *,
    bits: int = 8,
    colour: int = 2,
    interlaced: bool = False,
    extra: bytes = b"",
) -> bytes:
    """A PNG of raw rows (each with its filter byte), with ``extra`` chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            extra,
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        )
    )


def with_png_chunks(data: bytes, *chunks: bytes) -> bytes:
    """``data`` with chunks after its IHDR."""
    end = len(PNG_SIGNATURE) + 25
    return data[:end] + b"".join(chunks) + data[end:]


def jpeg_segment(marker: int, data: bytes, length: int | None = None) -> bytes:
    """A segment with, if told, a wrong length."""
    size = len(data) + 2 if length is None else length
    return struct.pack(">BBH", 0xFF, marker, size) + data


def with_jpeg_segments(data: bytes, *segments: bytes) -> bytes:
    """``data`` with segments after its SOI."""
    return data[:2] + b"".join(segments) + data[2:]


def with_jpeg_frame(data: bytes, **fields: int) -> bytes:
    """``data`` with other values in its SOF: marker, bits, height, width, components, sampling."""
    starts = (data.find(bytes((0xFF, marker))) for marker in (0xC0, 0xC2))
    start = next(at for at in starts if at >= 0)
    frame = bytearray(data[start : start + 12])
    frame[1] = fields.get("marker", frame[1])
    frame[4] = fields.get("bits", frame[4])
    if "height" in fields:
        frame[5:7] = struct.pack(">H", fields["height"])
    if "width" in fields:
        frame[7:9] = struct.pack(">H", fields["width"])
    frame[9] = fields.get("components", frame[9])
    frame[11] = fields.get("sampling", frame[11])
    return data[:start] + bytes(frame) + data[start + 12 :]


def riff_chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    """A chunk, padded to an even length."""
    size = len(data) if length is None else length
    return kind + struct.pack("<I", size) + data + b"\0" * (len(data) % 2)


def webp(*chunks: bytes, length: int | None = None) -> bytes:
    """A WebP file of these chunks."""
    return riff_chunk(b"RIFF", b"WEBP" + b"".join(chunks), length)


def webp_extended(width: int, height: int, flags: int) -> bytes:
    """The VP8X chunk: canvas size and what else the file is said to hold."""
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return riff_chunk(b"VP8X", struct.pack("<I", flags) + size)


def bmp(
    width: int,
    height: int,
    rest: bytes,
    *,
    bits: int = 24,
    compression: int = 0,
    colours: int = 0,
    offset: int = 54,
    header_size: int = 40,
) -> bytes:
    """A BMP with ``rest`` (palette and pixels) after its headers."""
    header = struct.pack(
        "<IiiHHIIiiII", header_size, width, height, 1, bits, compression, 0, 0, 0, colours, 0
    )
    return struct.pack("<2sIHHI", b"BM", 54 + len(rest), 0, 0, offset) + header + rest


def long_tag(number: int, value: int) -> Tag:
    """A tag of one 32-bit number."""
    return number, 4, 1, struct.pack("<L", value)


def image_tags(width: int, height: int, **others: int) -> list[Tag]:
    """What an 8-bit grey image of one strip needs, strip apart; ``tag277=3`` sets others."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height}
    tags |= {int(name.removeprefix("tag")): value for name, value in others.items()}
    return [long_tag(number, value) for number, value in tags.items()]


def tiff_directory(tags: Sequence[Tag], following: int = 0) -> bytes:
    """An IFD and the offset of the one that follows."""
    entries = (struct.pack("<HHL4s", *tag) for tag in sorted(tags))
    return struct.pack("<H", len(tags)) + b"".join(entries) + struct.pack("<L", following)


def tiff_file(tags: Sequence[Tag], samples: bytes, following: int = 0) -> bytes:
    """A TIFF of one directory whose strip follows it, unless the tags place it elsewhere."""
    numbers = {tag[0] for tag in tags}
    size = 8 + 2 + 12 * (len(tags) + len({273, 279} - numbers)) + 4
    strip = [t for t in (long_tag(273, size), long_tag(279, len(samples))) if t[0] not in numbers]
    return struct.pack("<2sHL", b"II", 42, 8) + tiff_directory([*tags, *strip], following) + samples
