"""Few bytes that ask for much: memory, passes, frames or files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.hostile.containers import (
    bmp,
    image_tags,
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
from tests.support.photos import as_bytes, jpeg_of_many_scans, tiff_of_one_huge_tile

Named = tuple[str, bytes]

_SIDES = (20_000, 65_500, 65_535, 100_000, 2**24, 2**31 - 1, 2**32 - 1)
_PIXELS = bytes(5000)


def header_bombs(seeds: dict[str, bytes]) -> Iterator[Named]:
    """Gigantic declared sizes in every format."""
    for width in _SIDES:
        for height in (1, 2**15, *_SIDES):
            if width * height <= 50_000_000:
                continue
            size = f"{width}x{height}"
            yield f"png of {size}", png(width, height, _PIXELS)
            yield f"png-16 of {size}", png(width, height, _PIXELS, bits=16, colour=6)
            yield f"tiff of {size}", tiff_file(image_tags(width, height), _PIXELS)
            if max(width, height) < 2**31:
                yield f"bmp of {size}", bmp(width, height, _PIXELS)
                yield f"top-down bmp of {size}", bmp(width, -height, _PIXELS)
            if max(width, height) < 2**24:
                yield f"webp of {size}", webp(webp_extended(width, height, 0), _vp8(seeds["webp"]))
    for name in ("jpeg", "jpeg-progressive", "jpeg-cmyk"):
        for side in (8000, 32_768, 65_500, 65_535):
            frame = with_jpeg_frame(seeds[name], width=side, height=side)
            yield f"{name} of {side}x{side}", frame
    yield "webp-lossless of 16384x16384", webp(riff_chunk(b"VP8L", b"\x2f\xff\xff\xff\x0f" * 20))
    yield "bmp of the least height", bmp(9, -(2**31), _PIXELS)
    yield "bmp of a negative width", bmp(-9, 9, _PIXELS)


def resource_bombs(seeds: dict[str, bytes]) -> Iterator[Named]:
    """Right sizes, and then too much of something else."""
    yield "jpeg of 4,000 scans", jpeg_of_many_scans(64, 4000)
    yield "tiff of one huge tile", tiff_of_one_huge_tile(8000)
    for samples in (2, 255, 65_535):
        yield f"tiff of {samples} samples", tiff_file(image_tags(9, 9, tag277=samples), _PIXELS)
    for count in (10_000, 2**31, 2**32 - 1):
        for number in (258, 273, 279, 320, 338, 700, 34675, 34665):
            tag = (number, 3, count, struct.pack("<L", 8))
            others = [other for other in image_tags(9, 9) if other[0] != number]
            yield f"tiff tag {number} of {count} values", tiff_file([*others, tag], _PIXELS)
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        bomb = zlib.compress(bytes(100_000_000), 9)
        prefix = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0a\0a\0", b"iCCP": b"a\0\0"}[kind]
        chunk = png_chunk(kind, prefix + bomb)
        yield f"png with {kind.decode()} of 100 MB", with_png_chunks(seeds["png"], chunk)
        many = (png_chunk(kind, prefix + zlib.compress(bytes(1000))) for _ in range(5000))
        yield f"png with 5,000 {kind.decode()}", with_png_chunks(seeds["png"], *many)
    yield "png of 20,000 IDATs", _png_in_pieces(20_000)
    yield "png with more pixels than it says", png(9, 9, bytes(50_000_000), colour=0)
    comments = [b"\xff\xfe\0\2"] * 20_000
    yield "jpeg with 20,000 comments", with_jpeg_segments(seeds["jpeg"], *comments)
    profile = b"ICC_PROFILE\0\1\xff" + bytes(60_000)
    app2 = struct.pack(">BBH", 0xFF, 0xE2, len(profile) + 2) + profile
    yield "jpeg with 200 profiles", with_jpeg_segments(seeds["jpeg"], *[app2] * 200)


def animation_floods(seeds: dict[str, bytes]) -> Iterator[Named]:
    """Thousands of frames, where one is wanted."""
    control = struct.pack(">IIIIIHHBB", 0, 40, 28, 0, 0, 0, 1, 0, 0)
    for frames in (0, 1, 50_000, 2**31 - 1, 2**32 - 1):
        header = png_chunk(b"acTL", struct.pack(">II", frames, 0))
        chunks = [header, png_chunk(b"fcTL", control)]
        yield f"apng of {frames} frames", with_png_chunks(seeds["png"], *chunks)
        flood = [header] + [png_chunk(b"fcTL", control)] * 5000
        yield f"apng of {frames} and 5,000 controls", with_png_chunks(seeds["png"], *flood)
    place = bytes(6) + struct.pack("<I", 39)[:3] + struct.pack("<I", 27)[:3] + bytes(4)
    frame = riff_chunk(b"ANMF", place + _vp8(seeds["webp"]))
    still = webp_extended(40, 28, 2)
    for count in (0, 1, 5000):
        chunks = [still, riff_chunk(b"ANIM", bytes(6)), *[frame] * count]
        yield f"webp of {count} frames", webp(*chunks)
    dot = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    for count in (1, 50_000):
        gif = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + dot * count + b";"
        yield f"gif of {count} frames", gif
    page = Image.new("L", (4, 4))
    yield "tiff of 300 pages", as_bytes(page, "TIFF", save_all=True, append_images=[page] * 299)


def directory_traps() -> Iterator[Named]:
    """TIFF directories that lead in circles, into nowhere, or on and on."""
    plain = image_tags(9, 9)
    for number in (330, 34665, 34853, 40965):
        for target in (0, 1, 8, 200, 2**31, 2**32 - 1):
            tags = [*plain, long_tag(number, target)]
            yield f"tiff whose tag {number} leads to {target}", tiff_file(tags, _PIXELS)
    for target in (1, 8, 9, 2**31, 2**32 - 1):
        yield f"tiff followed by {target}", tiff_file(plain, _PIXELS, following=target)
    for first in (0, 4, 7, 2**31, 2**32 - 1):
        yield f"tiff that starts at {first}", struct.pack("<2sHL", b"II", 42, first) + _PIXELS
    for length in (2, 100, 10_000):
        yield f"tiff of {length} directories", _chain(length, circular=False)
        yield f"tiff of {length} directories in a circle", _chain(length, circular=True)
    for count in (1, 2**32, 2**63, 2**64 - 1):
        big = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, count)
        yield f"big tiff of {count} tags", big + _PIXELS


# 50 megapixels, one pixel wide or high: within the limit, and not a shape for any buffer.
STRIPS = {
    "png of 1x50000000": ((1, 50_000_000), "PNG", {}),
    "png of 50000000x1": ((50_000_000, 1), "PNG", {}),
    "bmp of 50000000x1": ((50_000_000, 1), "BMP", {}),
    "tiff of 1x50000000": ((1, 50_000_000), "TIFF", {"compression": "tiff_deflate"}),
}


def strip(name: str) -> bytes:
    """One of ``STRIPS``, which take a second each to make."""
    size, container, options = STRIPS[name]
    return as_bytes(Image.new("1", size), container, **options)


def _vp8(data: bytes) -> bytes:
    """The pixels' chunk of a simple WebP file."""
    return data[12:]


def _png_in_pieces(pieces: int) -> bytes:
    whole = png(40, 28, bytes(28 * 121))
    start = whole.index(b"IDAT") - 4
    empty = png_chunk(b"IDAT", b"") * pieces
    return whole[:start] + empty + whole[start:]


def _chain(length: int, *, circular: bool) -> bytes:
    size = len(tiff_directory(image_tags(9, 9)))
    directories = (
        tiff_directory(image_tags(9, 9), following=8 + size * (index + 1))
        for index in range(length - 1)
    )
    last = tiff_directory(image_tags(9, 9), following=8 if circular else 0)
    return struct.pack("<2sHL", b"II", 42, 8) + b"".join(directories) + last + _PIXELS
