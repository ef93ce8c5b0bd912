"""A depth map that a client computed earlier: NPY or 16-bit PNG -> float32, nothing believed.

NPY is read by hand: NumPy's own reader can unpickle, and evaluates the header as Python.
"""

from __future__ import annotations

import io
import math
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import InvalidParameter, PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.transforms import DepthArray, InputRule

LARGEST_VALUE = 1e12
"""Most that a number may be away from 0: squares of it must stay finite."""

ASPECT_TOLERANCE = 0.02

_MAGIC = b"\x93NUMPY"
_PNG = b"\x89PNG\r\n\x1a\n"
# Bytes of the header's length, by major version.
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_LONGEST_HEADER = 1024
_HEADER = re.compile(
    rb"\{\s*'descr':\s*'([<>|=]?[fu][24])',\s*'fortran_order':\s*(False|True),\s*"
    rb"'shape':\s*\(\s*(\d{1,7}),\s*(\d{1,7}),?\s*\),?\s*\}\s*"
)
_TYPES = ("float16", "float32", "uint16")
_SMALLEST_SPAN = 1e-12
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N")


def is_png(data: bytes) -> bool:
    """Whether the bytes are a PNG, by their signature; else they must be NPY."""
    return data.startswith(_PNG)


def read_npy(data: bytes, max_pixels: int) -> DepthArray:
    """The numbers of an NPY file, ``(h, w)`` float32.

    Raises :class:`UnsupportedMediaType` for other files, :class:`PayloadTooLarge` past
    ``max_pixels``, and :class:`InvalidParameter` for anything but rows of float32, float16 or
    uint16.
    """
    start, dtype, fortran, (height, width) = _read_header(data, max_pixels)
    if len(data) - start != height * width * dtype.itemsize:
        raise InvalidParameter(
            "depth: the NPY file holds more or fewer numbers than its header says."
        )
    numbers = np.frombuffer(data, dtype, offset=start)
    rows = numbers.reshape((height, width), order="F" if fortran else "C")
    return np.ascontiguousarray(rows, np.float32)


def count_npy(data: bytes, max_pixels: int) -> int:
    """Numbers in an NPY file, by its header; raises as :func:`read_npy`."""
    *_, (height, width) = _read_header(data, max_pixels)
    return height * width


def decode_grey16(data: bytes) -> NDArray[np.uint16]:
    """The levels of a 16-bit grey PNG, ``(h, w)``; its pixel limit is :func:`read_header`'s.

    Raises :class:`UndecodableImage` for any other PNG: a heatmap's colours are no depth.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode in _GREY_16:
                return np.array(image, np.uint16)
    except Exception as error:  # Pillow's decoders raise almost anything on broken data.
        raise UndecodableImage("The depth map's PNG is damaged or truncated.") from error
    raise UndecodableImage(
        "The depth map's PNG is not 16-bit grey; send what format=depth16 or format=npy gave."
    )


def check_uploaded(values: DepthArray, width: int, height: int, rule: InputRule) -> None:
    """Raise :class:`InvalidParameter` unless the map can be one of a photo of this size.

    Its shape must be the photo's within 2%, or its size the network's for such a photo. Numbers
    must be finite and neither so large nor so close together that float32 cannot tell them apart.
    """
    own_width, own_height = values.shape[1], values.shape[0]
    of_the_network = (own_width, own_height) == rule.network_size(width, height)
    stretch = own_width * height / (own_height * width)
    if not of_the_network and abs(math.log(stretch)) > math.log1p(ASPECT_TOLERANCE):
        raise InvalidParameter(
            f"depth: the map is {own_width}x{own_height} and the photo, upright, {width}x{height}; "
            "their aspect ratios must agree within 2%."
        )
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidParameter("depth: the map must hold finite numbers only.")
    if max(-low, high) > LARGEST_VALUE or 0 < high - low < _SMALLEST_SPAN:
        raise InvalidParameter(
            f"depth: numbers must be from {-LARGEST_VALUE:g} to {LARGEST_VALUE:g}, and their "
            f"range 0 or at least {_SMALLEST_SPAN:g}."
        )


def _read_header(
    data: bytes, max_pixels: int
) -> tuple[int, np.dtype[np.generic], bool, tuple[int, int]]:
    """Where the numbers start, their type, whether columns come first, and the shape."""
    if not data.startswith(_MAGIC):
        raise UnsupportedMediaType("The depth map must be an NPY file or a 16-bit grey PNG.")
    major = data[len(_MAGIC)] if len(data) > len(_MAGIC) else 0
    if major not in _LENGTH_BYTES:
        raise InvalidParameter("depth: the NPY file is of an unknown version.")
    at = len(_MAGIC) + 2
    start = at + _LENGTH_BYTES[major]
    length = int.from_bytes(data[at:start], "little")
    match = _HEADER.fullmatch(data, start, start + length) if length <= _LONGEST_HEADER else None
    dtype = np.dtype(match[1].decode()) if match else None
    if match is None or dtype is None or dtype.newbyteorder("=").name not in _TYPES:
        raise InvalidParameter(
            f"depth: the NPY file must hold a map of two dimensions of {', '.join(_TYPES)}."
        )
    height, width = int(match[3]), int(match[4])
    if height == 0 or width == 0:
        raise InvalidParameter("depth: the map is empty.")
    if height * width > max_pixels:
        raise PayloadTooLarge(
            f"The depth map has {width}x{height} pixels; the limit is {max_pixels} in all."
        )
    return start + length, dtype, match[2] == b"True", (height, width)
