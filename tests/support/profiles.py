"""Small ICC profiles, and what colours mean by them."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

# Red, green and blue of a display as XYZ under D50 (ICC's own white), by columns.
P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
ADOBE = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
PROPHOTO = np.array([[0.79767, 0.13519, 0.03134], [0.28804, 0.71188, 0.00009], [0.0, 0.0, 0.82521]])
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
_WHITE = (0.9642, 1.0, 0.8249)


def rgb_profile(primaries: NDArray[np.float64], gamma: float) -> bytes:
    """A display whose samples are raised to ``gamma``."""
    columns = zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return profile(b"RGB ", {name: _xyz(*column) for name, column in columns} | curves)


def grey_profile(gamma: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": _curve(gamma)})


def cmyk_profile(lab_of_black: tuple[int, int, int]) -> bytes:
    """A press whose black ink alone looks like ``lab_of_black``, of 0 to 255; others are black."""
    paper, black = bytes((255, 128, 128)), bytes((0, 128, 128))
    table = paper + bytes(lab_of_black) + black * 14
    line = bytes(range(256))
    unit = struct.pack(">9l", *(65536 * value for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    content = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + unit + line * 4 + table + line * 3
    return profile(b"CMYK", {b"A2B0": content}, connection=b"Lab ", kind=b"prtr")


def profile(
    space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ ", kind: bytes = b"mntr"
) -> bytes:
    """A profile of version 2.4 with these tags and a white point."""
    tags = {b"wtpt": _xyz(*_WHITE), **tags}
    start = 132 + 12 * len(tags)
    directory, contents = b"", b""
    for name, content in tags.items():
        directory += struct.pack(">4sLL", name, start + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    size = struct.pack(">L4x", start + len(contents))
    kinds = struct.pack(">L4s4s4s12x4s28x", 0x02400000, kind, space, connection, b"acsp")
    header = (size + kinds + struct.pack(">3l", *_fixed(*_WHITE))).ljust(128, b"\0")
    return header + struct.pack(">L", len(tags)) + directory + contents


def shown(
    stored: NDArray[np.uint8], primaries: NDArray[np.float64], gamma: float
) -> NDArray[np.float64]:
    """Colours ``(..., 3)`` of a display as sRGB, 0 to 255 (IEC 61966-2-1)."""
    linear = (stored / 255) ** gamma @ primaries.T @ np.linalg.inv(SRGB).T
    linear = linear.clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * curved


def _fixed(*values: float) -> list[int]:
    return [round(65536 * value) for value in values]


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3l", *_fixed(*values))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">LHxx", 1, round(256 * gamma))
