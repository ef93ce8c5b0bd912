"""Real photos, and real photos made hostile."""

from __future__ import annotations

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


def as_bytes(image: Image.Image | NDArray[np.uint8], format: str = "PNG", **options: Any) -> bytes:
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


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


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.png", photo_bytes("chelsea.png"))
    return buffer.getvalue()
