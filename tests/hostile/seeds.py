"""Small valid photos in every variant of every supported format."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.hostile.containers import bmp, png
from tests.support.photos import as_bytes, photo_bytes
from tests.support.profiles import P3, cmyk_profile, grey_profile, rgb_profile

_WIDTH, _HEIGHT = 40, 28


def seed_photos() -> dict[str, bytes]:
    """A photo of 40x28 pixels in each variant, by name."""
    photo = Image.open(io.BytesIO(photo_bytes("chelsea.png"))).resize((_WIDTH, _HEIGHT))
    grey = photo.convert("L")
    with_alpha = photo.copy()
    with_alpha.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "jpeg": as_bytes(photo, "JPEG"),
        "jpeg-progressive": as_bytes(photo, "JPEG", progressive=True),
        "jpeg-exif": as_bytes(photo, "JPEG", exif=exif),
        "jpeg-cmyk": as_bytes(photo.convert("CMYK"), "JPEG"),
        "jpeg-mpo": as_bytes(photo, "MPO", **_more_frames(photo)),
        "jpeg-profile": as_bytes(photo, "JPEG", icc_profile=rgb_profile(P3, 2.2)),
        "jpeg-press": as_bytes(
            photo.convert("CMYK"), "JPEG", icc_profile=cmyk_profile((9, 99, 99))
        ),
        "png": as_bytes(photo),
        "png-profile": as_bytes(grey, icc_profile=grey_profile(1.8)),
        "png-grey": as_bytes(grey),
        "png-alpha": as_bytes(with_alpha),
        "png-palette": as_bytes(photo.quantize(16), transparency=3),
        "png-bilevel": as_bytes(photo.convert("1")),
        "png-16": _sixteen_bits(photo, ".png"),
        "png-interlaced": _interlaced(grey),
        "png-animated": as_bytes(photo, **_more_frames(photo)),
        "webp": as_bytes(photo, "WEBP"),
        "webp-lossless": as_bytes(with_alpha, "WEBP", lossless=True),
        "webp-animated": as_bytes(photo, "WEBP", **_more_frames(photo)),
        "gif": as_bytes(photo.quantize(64), "GIF", comment=b"a comment"),
        "gif-transparent": as_bytes(photo.quantize(16), "GIF", transparency=3),
        "gif-animated": as_bytes(photo, "GIF", **_more_frames(photo)),
        "avif": as_bytes(photo, "AVIF", exif=exif),
        "avif-alpha": as_bytes(with_alpha, "AVIF"),
        "avif-animated": as_bytes(photo, "AVIF", **_more_frames(photo)),
        "bmp": as_bytes(photo, "BMP"),
        "bmp-palette": as_bytes(photo.quantize(16), "BMP"),
        "bmp-bilevel": as_bytes(photo.convert("1"), "BMP"),
        "bmp-runs": _run_length_bmp(),
        "tiff": as_bytes(photo, "TIFF"),
        "tiff-big": as_bytes(photo, "TIFF", big_tiff=True),
        "tiff-16": _sixteen_bits(photo, ".tiff"),
        "tiff-lzw": as_bytes(photo, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": as_bytes(photo, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-packbits": as_bytes(photo, "TIFF", compression="packbits"),
        "tiff-jpeg": as_bytes(photo, "TIFF", compression="jpeg"),
        "tiff-cmyk": as_bytes(photo.convert("CMYK"), "TIFF"),
        "tiff-lab": as_bytes(photo.convert("LAB"), "TIFF"),
        "tiff-pages": as_bytes(photo.copy(), "TIFF", **_more_frames(photo)),
    }


def heic_seeds() -> dict[str, bytes]:
    """HEIC of 160x112 pixels, which the encoder wants at least; none without the extra."""
    if importlib.util.find_spec("pillow_heif") is None:
        return {}
    import pillow_heif

    photo = Image.open(io.BytesIO(photo_bytes("chelsea.png"))).resize((160, 112))
    with_alpha = photo.copy()
    with_alpha.putalpha(photo.convert("L"))

    def heic(*images: Image.Image, **options: Any) -> bytes:
        buffer, file = io.BytesIO(), pillow_heif.HeifFile()
        for image in images:
            file.add_from_pillow(image)
        file.save(buffer, quality=10, **options)
        return buffer.getvalue()

    return {
        "heic": heic(photo),
        "heic-grey": heic(photo.convert("L")),
        "heic-alpha": heic(with_alpha),
        "heic-tiles": heic(photo.resize((320, 224)), tile_size=128),
        "heic-frames": heic(photo, photo.rotate(90)),
        "heic-profile": heic(photo, icc_profile=rgb_profile(P3, 2.2)),
    }


def _more_frames(photo: Image.Image) -> dict[str, Any]:
    # Made anew each time: saving leaves the encoder's settings on them.
    return {"save_all": True, "append_images": [photo.rotate(90), photo.rotate(180)]}


def _sixteen_bits(photo: Image.Image, extension: str) -> bytes:
    samples: NDArray[np.uint16] = np.asarray(photo).astype(np.uint16) * 257
    done, data = cv2.imencode(extension, samples)
    assert done
    return data.tobytes()


def _interlaced(grey: Image.Image) -> bytes:
    """Seven passes, which Pillow reads but does not write."""
    samples = np.asarray(grey)
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, right in (*passes, (1, 0, 2, 1))
        for row in samples[top::down, left::right]
    ]
    return png(_WIDTH, _HEIGHT, b"".join(rows), colour=0, interlaced=True)


def _run_length_bmp() -> bytes:
    palette = bytes(value for level in range(256) for value in (level, level, level, 0))
    rows = b"".join(bytes((_WIDTH, 9 * row, 0, 0)) for row in range(_HEIGHT)) + b"\0\1"
    return bmp(_WIDTH, _HEIGHT, palette + rows, bits=8, compression=1, offset=54 + len(palette))
