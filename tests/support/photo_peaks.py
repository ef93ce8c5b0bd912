"""The most memory that reading a photo takes: in a process of its own, whose peak it is."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from PIL import Image

from service.imaging.decode import decoding_bytes, read_header
from service.imaging.effect_input import effect_input
from service.imaging.files.formats import OPTIONAL_FORMATS
from service.imaging.network_input import input_bytes, network_input
from service.machine.memory import (
    keep_large_buffers,
    limit_arenas,
    release_free_memory,
    resident_bytes,
)
from service.models.registry import find_spec
from service.models.spec import SAMPLE_PHOTO
from tests.support.peaks import peak_bytes
from tests.support.photos import photo_pixels

_RULE = find_spec("depth_lite_256").input_rule
_EFFECT_SIDE = 4096


def _photo(side: int, mode: str = "RGB") -> Image.Image:
    photo = Image.fromarray(cv2.resize(photo_pixels("astronaut.png"), (side, side)))
    if mode == "RGBA":
        photo.putalpha(photo.convert("L"))
    return photo.convert(mode)


def _file(format: str, mode: str = "RGB", **options: object) -> Callable[[int], bytes]:
    def make(side: int) -> bytes:
        buffer = io.BytesIO()
        _photo(side, mode).save(buffer, format, **options)
        return buffer.getvalue()

    return make


def _png_of_16_bits(side: int) -> bytes:
    """RGB with a transparent colour, for which it is read twice."""
    levels = np.asarray(_photo(side), np.uint16) * 257
    file = cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    chunk = b"tRNS" + struct.pack(">HHH", 1, 2, 3)
    chunk = struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return file[:33] + chunk + file[33:]


def _avif_of_10_bits(side: int) -> bytes:
    """As Pillow does not write it."""
    levels = np.asarray(_photo(side, "RGBA"), np.uint16) * 4
    options = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_SPEED, 10]
    return cv2.imencode(".avif", levels, options)[1].tobytes()


def _heic(mode: str, **options: object) -> Callable[[int], bytes]:
    """Of 8 bits a sample, or of 10 for a ``mode`` of 16."""

    def make(side: int) -> bytes:
        import pillow_heif

        name, _, bits = mode.partition(";")
        levels = np.asarray(_photo(side, name), np.uint16 if bits else np.uint8)
        data, buffer = (levels * 257 if bits else levels).tobytes(), io.BytesIO()
        fast = {"preset": "ultrafast"}
        pillow_heif.encode(mode, (side, side), data, buffer, enc_params=fast, **options)
        return buffer.getvalue()

    return make


PHOTOS: Mapping[str, Callable[[int], bytes]] = {
    "JPEG": _file("JPEG"),
    "JPEG, progressive, no subsampling": _file("JPEG", progressive=True, subsampling=0),
    "JPEG, progressive, CMYK": _file("JPEG", "CMYK", progressive=True),
    "PNG": _file("PNG", compress_level=1),
    "PNG, alpha": _file("PNG", "RGBA", compress_level=1),
    "PNG, 16 bits, transparent colour": _png_of_16_bits,
    "WebP": _file("WEBP", method=0),
    "WebP, alpha": _file("WEBP", "RGBA", quality=50, method=0),
    "AVIF": _file("AVIF", speed=10),
    "AVIF, alpha, no subsampling": _file("AVIF", "RGBA", speed=10, subsampling="4:4:4"),
    "AVIF, alpha, no subsampling, 10 bits": _avif_of_10_bits,
    "GIF": _file("GIF"),
    "BMP": _file("BMP"),
    "TIFF": _file("TIFF", compression="tiff_deflate"),
    "TIFF, CMYK": _file("TIFF", "CMYK", compression="tiff_deflate"),
}

OPTIONAL_PHOTOS: Mapping[str, Callable[[int], bytes]] = {
    "HEIC": _heic("RGB"),
    "HEIC, tiles": _heic("RGB", tile_size=512),
    "HEIC, alpha, no subsampling": _heic("RGBA", chroma=444),
    "HEIC, alpha, no subsampling, 10 bits": _heic("RGBA;16", chroma=444),
}
"""Of formats that need an extra."""


@dataclass(frozen=True)
class PhotoPeak:
    """What reading took beside the idle process and the file; for an effect or a network alone.

    ``declared_bytes`` is what is charged for it, ``decoding_bytes`` the part of its format: all, of
    a photo so large that nothing of it is kept in floating-point numbers.
    """

    pixels: int
    bytes: int
    declared_bytes: int
    decoding_bytes: int

    @property
    def bytes_per_pixel(self) -> float:
        """The share of each pixel."""
        return self.bytes / self.pixels


def measure_photo(data: bytes, *, for_effect: bool) -> PhotoPeak:
    """Read a photo as the service does; Linux only."""
    program = [sys.executable, "-m", "tests.support.photo_peaks", json.dumps(for_effect)]
    done = subprocess.run(program, input=data, capture_output=True, check=True)
    return PhotoPeak(**json.loads(done.stdout))


def _measure(data: bytes, *, for_effect: bool) -> PhotoPeak:
    # As the service does.
    limit_arenas()
    keep_large_buffers()
    effect_input(SAMPLE_PHOTO.read_bytes(), _RULE, 256, scaled_decode=True)
    release_free_memory()
    before = resident_bytes()
    pixels = read_header(data, sys.maxsize, OPTIONAL_FORMATS).pixels
    if for_effect:
        effect_input(data, _RULE, _EFFECT_SIDE, scaled_decode=True)
    else:
        network_input(data, _RULE, scaled_decode=True)
    declared = input_bytes(data, pixels, True, whole=for_effect)
    decoding = decoding_bytes(data, pixels, reduced=not for_effect)
    return PhotoPeak(pixels, peak_bytes() - before, declared, decoding)


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(sys.stdin.buffer.read(), for_effect=json.loads(sys.argv[1])))))
