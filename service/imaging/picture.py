"""Pictures that are computed, as files."""

from __future__ import annotations

import io
from enum import StrEnum

from PIL import Image

from service.imaging import png
from service.imaging.transforms import Rgb

_QUALITY = 92


class PictureFormat(StrEnum):
    """Kinds of files."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


MEDIA_TYPES = {format: f"image/{format}" for format in PictureFormat}


def encode_picture(pixels: Rgb, format: PictureFormat) -> bytes:
    """``(h, w, 3)`` uint8 RGB as a file; only PNG keeps every pixel exactly."""
    if format is PictureFormat.PNG:
        return png.encode_rgb(pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format.name, quality=_QUALITY)
    return buffer.getvalue()
