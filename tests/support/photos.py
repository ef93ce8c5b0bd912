"""Real photos, and real photos made hostile."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

_SKIMAGE = Path(skimage.data.__file__).parent


def photo_path(name: str) -> Path:
    """A file of scikit-image's data folder, such as ``chelsea.png``."""
    return _SKIMAGE / name


def photo_bytes(name: str) -> bytes:
    return photo_path(name).read_bytes()


def photo_pixels(name: str) -> NDArray[np.uint8]:
    """``(h, w, 3)`` RGB of a file of scikit-image's data folder."""
    with Image.open(photo_path(name)) as image:
        return np.asarray(image.convert("RGB"))


def as_bytes(image: Image.Image | NDArray[np.uint8], format: str = "PNG", **options: Any) -> bytes:
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@functools.cache
def photo_of_12_megapixels(format: str = "PNG") -> bytes:
    """4000 x 3000; a second to make, so on demand, and a fraction of one to decode as PNG."""
    return as_bytes(Image.open(photo_path("chelsea.png")).resize((4000, 3000)), format)


@functools.cache
def jpeg_720p() -> bytes:
    photo = Image.open(photo_path("rocket.jpg")).convert("RGB").resize((1280, 720))
    return as_bytes(photo, "JPEG", quality=90)


def png_header_bomb(side: int = 100_000) -> bytes:
    """A PNG of a few hundred bytes that claims ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(bytes(1000))),
            chunk(b"IEND", b""),
        )
    )


def jpeg_of_many_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG that asks for ``scans`` passes over all its pixels, 16 bytes each."""
    data = as_bytes(Image.new("L", (side, side)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    # Refine all AC coefficients by a bit, as often as it is said.
    refinement = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x10" + data[start + 10 : -2]
    return data[:-2] + refinement * scans + b"\xff\xd9"


def tiff(tags: dict[int, int], offset_tag: int, samples: bytes) -> bytes:
    """A little-endian TIFF of one strip or tile, whose place ``offset_tag`` tells."""
    tags = {**tags, offset_tag: 8 + 2 + 12 * (len(tags) + 1) + 4}
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    header = struct.pack("<2sHLH", b"II", 42, 8, len(tags))
    return header + entries + struct.pack("<L", 0) + samples


def tiff_of_one_huge_tile(side: int) -> bytes:
    """A 16x16 TIFF whose only tile is ``side`` x ``side``, deflated."""
    samples = zlib.compress(bytes(side * side))
    image = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 277: 1}
    return tiff(image | {322: side, 323: side, 325: len(samples)}, 324, samples)


def grey_tiff(samples: bytes, bits: int, photometric: int) -> bytes:
    """A TIFF of one row, two grey samples wide."""
    image = {256: 2, 257: 1, 258: bits, 259: 1, 262: photometric, 277: 1}
    return tiff(image | {278: 1, 279: len(samples)}, 273, samples)


def run_length_bmp(side: int, runs: bytes) -> bytes:
    """An 8-bit BMP of ``side`` x ``side`` pixels in runs."""
    palette = bytes(value for level in range(256) for value in (level, 0, level, 0))
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    return struct.pack("<2sIII", b"BM", start + len(runs), 0, start) + header + palette + runs


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.png", photo_bytes("chelsea.png"))
    return buffer.getvalue()
