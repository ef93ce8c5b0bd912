"""Files that are two things at once, or lie about details that decoders trust."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import numpy as np

from tests.hostile.bombs import Named
from tests.hostile.containers import (
    bmp,
    image_tags,
    jpeg_segment,
    long_tag,
    png,
    png_chunk,
    riff_chunk,
    tiff_directory,
    tiff_file,
    webp,
    webp_extended,
    with_jpeg_frame,
    with_jpeg_segments,
    with_png_chunks,
)
from tests.support.photos import zip_bytes

_PIXELS = bytes(range(256)) * 8

_FOREIGN_STARTS = {
    "gif": b"GIF89a\x28\0\x1c\0\0\0\0",
    "pdf": b"%PDF-1.7\n",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>',
    "php": b"<?php system($_GET[0]); ?>",
    "elf": b"\x7fELF\2\1\1\0",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "zip": b"PK\3\4",
    "ico": b"\0\0\1\0\1\0",
    "psd": b"8BPS\0\1",
    "jpeg2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "avif": b"\0\0\0\x1cftypavif",
    "byte order mark": b"\xef\xbb\xbf",
    "pickle": b"\x80\4\x95",
    "nothing": b"",
}


def polyglots(seeds: dict[str, bytes]) -> Iterator[Named]:
    """Another format's start before a photo, and another format after it or inside."""
    photos = ("jpeg", "png", "webp", "bmp", "tiff")
    for name in photos:
        for other, start in _FOREIGN_STARTS.items():
            yield f"{other} and then {name}", start + seeds[name] * bool(start)
        yield f"{name} and then zip", seeds[name] + zip_bytes()
        for second in photos:
            yield f"{name} and then {second}", seeds[name] + seeds[second]
            yield f"{name}'s start on {second}", seeds[name][:12] + seeds[second][12:]
    html = jpeg_segment(0xFE, _FOREIGN_STARTS["html"])
    yield "jpeg with html inside", with_jpeg_segments(seeds["jpeg"], html)
    php = png_chunk(b"tEXt", b"Comment\0" + _FOREIGN_STARTS["php"])
    yield "png with php inside", with_png_chunks(seeds["png"], php)


def bad_metadata(seeds: dict[str, bytes], draw: random.Random) -> Iterator[Named]:
    """EXIF, XMP and ICC of every kind of rubbish, in every format that carries them."""
    loop = b"Exif\0\0" + struct.pack("<2sHL", b"II", 42, 8)
    loop += tiff_directory([long_tag(34665, 8), long_tag(330, 8)], following=8)
    contents = {
        "nothing": b"",
        "zeros": bytes(300),
        "noise": draw.randbytes(300),
        "a start": b"Exif\0\0II*\0",
        "a loop": loop,
        "orientation 99": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0",
        "orientation of text": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\2\0\4\0\0\0abc\0\0\0\0\0",
        "many orientations": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\xff\xff\xff\xff\x08\0\0\0",
        "an entity bomb": b'<!DOCTYPE x [<!ENTITY a "' + b"x" * 99 + b'">]><x>' + b"&a;" * 999,
        "xmp": b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="' + b"9" * 5000 + b'"/>',
        "a profile": b"ICC_PROFILE\0\1\1" + struct.pack(">I", 2**31) + bytes(200),
        "part 9 of 2": b"ICC_PROFILE\0\x09\2" + bytes(200),
        "part 0 of 0": b"ICC_PROFILE\0\0\0" + bytes(20),
    }
    for name, content in contents.items():
        for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xEE):
            segment = jpeg_segment(marker, content)
            yield f"jpeg, {name} in {marker:x}", with_jpeg_segments(seeds["jpeg"], segment)
        for kind in (b"eXIf", b"iCCP", b"iTXt", b"tRNS", b"PLTE", b"gAMA", b"pHYs", b"cHRM"):
            chunk = png_chunk(kind, content)
            yield f"png, {name} in {kind.decode()}", with_png_chunks(seeds["png"], chunk)
        for bits, kind in ((0x20, b"ICCP"), (0x08, b"EXIF"), (0x04, b"XMP "), (0x10, b"ALPH")):
            chunks = (webp_extended(40, 28, bits), riff_chunk(kind, content), seeds["webp"][12:])
            yield f"webp, {name} in {kind.decode().strip()}", webp(*chunks)
        for number in (700, 34675, 34377, 274, 305):
            tag = (number, 7, len(content), struct.pack("<L", 8 + 2 + 12 * 10 + 4))
            data = tiff_file([*image_tags(9, 9), tag], content + _PIXELS)
            yield f"tiff, {name} in {number}", data


def lying_details(seeds: dict[str, bytes]) -> Iterator[Named]:
    """Fields whose odd values decoders have tripped over."""
    for marker in (*range(0xC0, 0xD0), 0xF7):
        yield f"jpeg of frame {marker:x}", with_jpeg_frame(seeds["jpeg"], marker=marker)
    for field, values in {
        "bits": (0, 1, 12, 16, 255),
        "height": (0, 1),
        "width": (0, 1),
        "components": (0, 1, 2, 4, 5, 255),
        "sampling": (0, 0x11, 0x41, 0x14, 0x44, 0xFF),
    }.items():
        for value in values:
            yield f"jpeg of {value} {field}", with_jpeg_frame(seeds["jpeg"], **{field: value})
    for bits in (0, 1, 2, 4, 8, 16, 32, 255):
        for colour in range(8):
            yield (
                f"png of {bits} bits, colour {colour}",
                png(9, 9, _PIXELS, bits=bits, colour=colour),
            )
    for width, height in ((0, 0), (0, 9), (9, 0)):
        yield f"png of {width}x{height}", png(width, height, _PIXELS)
        yield f"bmp of {width}x{height}", bmp(width, height, _PIXELS)
        yield f"tiff of {width}x{height}", tiff_file(image_tags(width, height), _PIXELS)
    yield "png of no pixels", png(9, 9, b"")
    yield "png of filter 99", png(9, 9, b"\x63" * 300)
    for length in (0, 3, 2**31 - 1, 2**32 - 1):
        chunk = png_chunk(b"tEXt", b"a\0b", length)
        yield f"png with a chunk of {length}", with_png_chunks(seeds["png"], chunk)
        yield f"webp of length {length}", webp(seeds["webp"][12:], length=length)
        yield f"webp with a chunk of {length}", webp(riff_chunk(b"VP8 ", _PIXELS, length))
    for bits in (0, 1, 2, 4, 8, 16, 24, 32, 64, 65535):
        for compression in (0, 1, 2, 3, 4, 5, 6, 99):
            data = bmp(9, 9, _PIXELS, bits=bits, compression=compression)
            yield f"bmp of {bits} bits, compression {compression}", data
    for size in (0, 12, 16, 52, 56, 64, 108, 124, 2**32 - 1):
        yield f"bmp of header {size}", bmp(9, 9, _PIXELS, header_size=size)
    for colours in (1, 257, 2**31, 2**32 - 1):
        yield f"bmp of {colours} colours", bmp(9, 9, _PIXELS, bits=8, colours=colours)
    for offset in (0, 1, 5000, 2**32 - 1):
        yield f"bmp at {offset}", bmp(9, 9, _PIXELS, offset=offset)
    yield (
        "bmp run out of its row",
        bmp(
            9, 9, bytes(1024) + b"\xff\1\0\2\xff\xff" * 99, bits=8, compression=1, offset=54 + 1024
        ),
    )


def odd_tiffs() -> Iterator[Named]:
    """Every compression over noise, every odd sample layout, and numbers that are none."""
    for compression in (
        *range(1, 10),
        32766,
        32771,
        32773,
        32809,
        32946,
        34676,
        34712,
        34892,
        34925,
        34926,
        50000,
        50001,
        65000,
    ):
        for photometric in (0, 1, 2, 3, 5, 6, 8, 32844):
            tags = image_tags(9, 9, tag259=compression, tag262=photometric)
            yield (
                f"tiff of compression {compression}, colours {photometric}",
                tiff_file(tags, _PIXELS),
            )
    for tag, values in {
        254: (1, 2, 4), 258: (0, 3, 7, 12, 24, 32, 64, 65535), 266: (0, 2, 9), 274: (0, 9, 65535),
        278: (0, 1, 2**32 - 1), 284: (0, 2, 3), 317: (0, 2, 3, 9), 322: (0, 1, 16, 2**31),
        323: (0, 1, 16, 2**31), 338: (0, 1, 2, 9), 339: (0, 2, 3, 4, 5, 6, 9), 347: (0, 8),
        512: (1, 14), 530: (0, 3, 2**32 - 1), 273: (0, 2**31, 2**32 - 1), 279: (0, 2**32 - 1),
    }.items():  # fmt: skip
        for value in values:
            tags = image_tags(9, 9, **{f"tag{tag}": value})
            yield f"tiff whose tag {tag} is {value}", tiff_file(tags, _PIXELS)
    yield from _tags_of_other_types()
    for kind in (np.float16, np.float32, np.float64):
        for number in (0.0, 1e38, np.nan, np.inf, -np.inf):
            with np.errstate(over="ignore"):
                samples = np.full((9, 9), number, kind)
            bits = 8 * samples.itemsize
            tags = image_tags(9, 9, tag258=bits, tag339=3)
            yield f"tiff of {bits}-bit {number}", tiff_file(tags, samples.tobytes())


def _tags_of_other_types() -> Iterator[Named]:
    """Text, bytes, NaN and infinity where readers expect a whole number."""
    nan, infinity = struct.pack("<f", np.nan), struct.pack("<f", np.inf)
    for tag in (256, 257, 258, 259, 262, 277, 278, 322, 323):
        others = [other for other in image_tags(9, 9) if other[0] != tag]
        for kind, content in ((2, b"ab\0\0"), (7, b"abcd"), (11, nan), (11, infinity)):
            name = f"tiff whose tag {tag} of type {kind} is {content.hex()}"
            yield name, tiff_file([*others, (tag, kind, 1, content)], _PIXELS)
