"""A depth map that a client computed earlier: NPY or 16-bit PNG -> float32, nothing believed.

NumPy reads the header of an NPY file, and nothing else of it: what it says is checked before
anything is made of that size, and arrays of objects, which would be unpickled, are refused.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from PIL import Image

from service.errors import InvalidParameter, PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import DepthArray, InputRule

LARGEST_VALUE = 1e12
"""Most that a number may be away from 0: squares of it must stay finite."""

ASPECT_TOLERANCE = 0.02

_PNG = b"\x89PNG\r\n\x1a\n"
# Version 3 differs from 2 only in the names of fields, and a map has none.
_HEADER_READERS = {
    1: npy_format.read_array_header_1_0,
    2: npy_format.read_array_header_2_0,
    3: npy_format.read_array_header_2_0,
}
_LONGEST_HEAD = 1024
_LONGEST_SIDE = 9_999_999
_TYPES = tuple(np.dtype(name) for name in ("float16", "float32", "uint16"))
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


def check_uploaded(
    values: DepthArray, kind: DepthKind, width: int, height: int, rule: InputRule
) -> None:
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
    if kind is DepthKind.METRIC_DEPTH:
        values = np.where(np.isinf(values), np.float32(0), values)
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
    if not data.startswith(npy_format.MAGIC_PREFIX):
        raise UnsupportedMediaType("The depth map must be an NPY file or a 16-bit grey PNG.")
    head = io.BytesIO(data[:_LONGEST_HEAD])
    try:
        major, _ = npy_format.read_magic(head)
        if major not in _HEADER_READERS:
            raise InvalidParameter("depth: the NPY file is of an unknown version.")
        shape, fortran, dtype = _HEADER_READERS[major](head)
    except InvalidParameter:
        raise
    except Exception as error:  # The header is parsed as Python, which raises almost anything.
        raise InvalidParameter("depth: the header of the NPY file cannot be read.") from error
    height, width = _checked_shape(shape, dtype)
    if height * width > max_pixels:
        raise PayloadTooLarge(
            f"The depth map has {width}x{height} pixels; the limit is {max_pixels} in all."
        )
    return head.tell(), dtype, fortran, (height, width)


def _checked_shape(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> tuple[int, int]:
    if (
        len(shape) != 2
        or dtype.newbyteorder("=") not in _TYPES
        or not all(type(side) is int and 0 <= side <= _LONGEST_SIDE for side in shape)
    ):
        raise InvalidParameter(
            "depth: the NPY file must hold a map of two dimensions of "
            f"{', '.join(map(str, _TYPES))}."
        )
    if 0 in shape:
        raise InvalidParameter("depth: the map is empty.")
    return shape
