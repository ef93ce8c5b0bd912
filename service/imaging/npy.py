"""Maps in NumPy's files, NPY and NPZ, nothing believed.

NumPy reads the header of an NPY file, and nothing else of it: what it says is checked before
anything is made of that size, and arrays of objects, which would be unpickled, are refused.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from service.errors import InvalidParameter, UnsupportedMediaType
from service.imaging.limits import too_many_pixels

# Version 3 differs from 2 only in the names of fields, and a map has none.
_HEADER_READERS = {
    1: npy_format.read_array_header_1_0,
    2: npy_format.read_array_header_2_0,
    3: npy_format.read_array_header_2_0,
}
_LONGEST_HEAD = 1024
_LONGEST_SIDE = 9_999_999
_TYPES = tuple(
    np.dtype(name)
    for name in (
        *("float16", "float32", "float64"),
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    )
)
_LARGEST_NUMBER_BYTES = 8
_ZIP = b"PK"
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

Numbers = NDArray[np.floating] | NDArray[np.integer]


def read_npy(data: bytes, max_pixels: int) -> Numbers:
    """The numbers of an NPY file, or of an NPZ with one array, ``(h, w)`` as they are stored.

    Raises :class:`UnsupportedMediaType` for other files, :class:`PayloadTooLarge` past
    ``max_pixels``, and :class:`InvalidParameter` for anything but rows of numbers of at most 64
    bits.
    """
    if data.startswith(_ZIP):
        data = _unzipped(data, max_pixels * _LARGEST_NUMBER_BYTES + _LONGEST_HEAD)
    start, dtype, fortran, (height, width) = _read_header(data, max_pixels)
    if len(data) - start != height * width * dtype.itemsize:
        raise InvalidParameter(
            "depth: the NPY file holds more or fewer numbers than its header says."
        )
    numbers = np.frombuffer(data, dtype, offset=start)
    rows = numbers.reshape((height, width), order="F" if fortran else "C")
    return np.ascontiguousarray(rows, dtype.newbyteorder("="))


def count_npy(data: bytes, max_pixels: int) -> int:
    """Numbers in an NPY or NPZ file, by its header; raises as :func:`read_npy`."""
    if data.startswith(_ZIP):
        data = _unzipped(data, _LONGEST_HEAD)
    *_, (height, width) = _read_header(data, max_pixels)
    return height * width


def _unzipped(data: bytes, most_bytes: int) -> bytes:
    """The beginning of the one array in an NPZ file, at most so many bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) == 1 and members[0].compress_type in _ZIP_METHODS:
                with archive.open(members[0]) as member:
                    return member.read(most_bytes)
    except Exception as error:  # A damaged archive raises almost anything.
        raise InvalidParameter("depth: the NPZ file cannot be read.") from error
    raise InvalidParameter("depth: the NPZ file must hold one array, stored or deflated.")


def _read_header(
    data: bytes, max_pixels: int
) -> tuple[int, np.dtype[np.generic], bool, tuple[int, int]]:
    """Where the numbers start, their type, whether columns come first, and the shape."""
    if not data.startswith(npy_format.MAGIC_PREFIX):
        raise UnsupportedMediaType(
            "The depth map must be an NPY or NPZ file, a grey PNG, JPEG or TIFF, or OpenEXR."
        )
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
        raise too_many_pixels("depth map", width, height, max_pixels)
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
