"""Colours that a file names by numbers (ITU-T H.273) in place of a profile."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache

# Red, green and blue as XYZ under D50, by rows of X, Y and Z, by their numbers in table 2.
PRIMARIES: Mapping[int, tuple[tuple[float, float, float], ...]] = {
    9: (
        (0.673459, 0.165661, 0.125100),
        (0.279033, 0.675338, 0.045629),
        (-0.001931, 0.029979, 0.797162),
    ),
    12: (
        (0.515102, 0.291965, 0.157153),
        (0.241182, 0.692236, 0.066582),
        (-0.001049, 0.041882, 0.784378),
    ),
}
# Of table 3: BT.709 and its equals, which photos have as well as sRGB's own; all are shown as sRGB.
_SDR = (1, 2, 6, 13, 14, 15)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50 = (0.9642, 1.0, 0.8249)


@cache
def coded_profile(primaries: int, transfer: int) -> bytes:
    """An ICC profile of BT.2020's or Display P3's colours; empty for sRGB's and all others."""
    if primaries not in PRIMARIES or transfer not in _SDR:
        return b""
    columns = zip(*PRIMARIES[primaries], strict=True)
    curve = b"para" + bytes(4) + struct.pack(">HH5l", 3, 0, *_fixed(*_SRGB_CURVE))
    tags = {b"wtpt": _xyz(*_D50)}
    tags |= {
        name: _xyz(*column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at = 132 + 12 * len(tags)
    directory, contents = b"", b""
    for name, content in tags.items():
        directory += struct.pack(">4sLL", name, at + len(contents), len(content))
        contents += content
    kinds = struct.pack(">L4s4s4s12x4s28x", 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header = struct.pack(">L4x", at + len(contents)) + kinds + struct.pack(">3l", *_fixed(*_D50))
    return header.ljust(128, b"\0") + struct.pack(">L", len(tags)) + directory + contents


def _fixed(*values: float) -> list[int]:
    return [round(65536 * value) for value in values]


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3l", *_fixed(*values))
