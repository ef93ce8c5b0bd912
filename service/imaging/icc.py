"""What an ICC profile must not ask of its reader (ICC.1:2022, sections 7 and 10)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

# Profiles of printers are the largest.
MAX_PROFILE_BYTES = 4 << 20

_HEADER_BYTES = 128
_MAX_TAGS = 100
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# Chains of any length, which a small file can name a million times.
_CHAINS = (b"D2B0", b"D2B1", b"D2B2", b"D2B3")
_MAX_CHANNELS = 16
_WIDTHS = {b"mft1": 1, b"mft2": 2}
_TABLES = (b"A2B0", b"A2B1", b"A2B2")


def profile_mode(profile: bytes) -> str | None:
    """Pillow's mode of the colours that the profile is for: RGB, L or CMYK.

    None for profiles that are not read: of other colours, damaged, or with tables that are larger
    than the profile is, which would be allocated before that is found out.
    """
    if not _HEADER_BYTES + 4 <= len(profile) <= MAX_PROFILE_BYTES:
        return None
    if profile[12:16] not in _CLASSES or profile[36:40] != b"acsp":
        return None
    (count,) = struct.unpack_from(">L", profile, _HEADER_BYTES)
    if count > _MAX_TAGS or _HEADER_BYTES + 4 + 12 * count > len(profile):
        return None
    for tag, content in profile_tags(profile):
        if tag in _CHAINS or (tag in _TABLES and not _holds_its_table(content)):
            return None
    return _SPACES.get(profile[16:20])


def profile_tags(profile: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Signature and content of each tag; the profile has room for as many as it says."""
    (count,) = struct.unpack_from(">L", profile, _HEADER_BYTES)
    for number in range(count):
        tag, start, size = struct.unpack_from(">4sLL", profile, _HEADER_BYTES + 4 + 12 * number)
        yield tag, profile[start : start + size]


def _holds_its_table(content: bytes) -> bool:
    """Whether a conversion's table of colours lies within the conversion's own bytes."""
    kind = content[:4]
    if len(content) < 32 or kind not in (b"mft1", b"mft2", b"mAB "):
        return False
    # Of at most 16 channels, as ICC has it.
    inputs, outputs = min(content[8], _MAX_CHANNELS), content[9]
    if kind != b"mAB ":
        return math.prod((content[10],) * inputs) * outputs * _WIDTHS[kind] <= len(content)
    (start,) = struct.unpack_from(">L", content, 24)
    table = content[start:]
    if start == 0 or len(table) < 20:
        return bool(start == 0)
    return math.prod(table[:inputs]) * outputs * table[16] <= len(table)
