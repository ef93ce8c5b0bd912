"""A photo's file without what its pixels do not need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """What decoding reads of a file.

    ``data`` is a file of the same format with the same pixels, ``exif`` a TIFF directory and
    ``profile`` an ICC profile as they were stored beside them (empty where there is none); nobody
    has looked into either. Text, previews, animation and what else may be damaged or huge is gone.
    ``is_upright``: the container turns the pixels, and the EXIF's orientation does not count.
    """

    data: bytes
    exif: bytes = b""
    profile: bytes = b""
    is_upright: bool = False
