"""OpenEXR by its specification ("OpenEXR File Layout"), not by the package that wrote the file."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_LINES_PER_ZIP_BLOCK = 16


def read_header(data: bytes) -> tuple[dict[str, bytes], int]:
    """Attributes by name, and where the header ends."""
    assert data[:8] == b"v/1\1\2\0\0\0"
    attributes, at = {}, 8
    while data[at]:
        name, kind, rest = data[at:].split(b"\0", 2)
        (size,) = struct.unpack_from("<i", rest)
        attributes[name.decode()] = rest[4 : 4 + size]
        at += len(name) + len(kind) + 2 + 4 + size
    return attributes, at + 1


def read_zip_floats(data: bytes) -> NDArray[np.float32]:
    """The one float channel of scan lines in ZIP blocks, ``(h, w)``."""
    attributes, at = read_header(data)
    assert attributes["compression"] == b"\3"
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    blocks = -(-height // _LINES_PER_ZIP_BLOCK)
    rows = np.empty((height, width), np.float32)
    for (start,) in struct.iter_unpack("<Q", data[at : at + 8 * blocks]):
        y, size = struct.unpack_from("<ii", data, start)
        block = rows[y - top : y - top + _LINES_PER_ZIP_BLOCK]
        packed = data[start + 8 : start + 8 + size]
        block[:] = np.frombuffer(_unpacked(packed, block.nbytes), "<f4").reshape(block.shape)
    return rows


def _unpacked(packed: bytes, size: int) -> bytes:
    """Differences of bytes, of which the even ones come first; stored where that is no shorter."""
    if len(packed) == size:
        return packed
    deltas = np.frombuffer(zlib.decompress(packed), np.uint8).astype(np.int64)
    deltas[1:] -= 128
    halves = np.cumsum(deltas).astype(np.uint8)
    mixed = np.empty(size, np.uint8)
    mixed[0::2], mixed[1::2] = np.split(halves, [(size + 1) // 2])
    return mixed.tobytes()
