"""A kind of file that something is written as, and the suffixes that its names may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.imaging.files.formats import PHOTO_FORMATS


@dataclass(frozen=True)
class FileKind:
    """``options`` are the choices that make a file of this kind, ``suffix`` ends its name.

    ``suffix`` may have two parts, ``.depth16.png``.
    """

    suffix: str
    media_type: str
    options: Mapping[str, Any]

    def fit(self, name: str) -> int:
        """How much of a file's name says this kind, in characters; 0 where another is said.

        Besides its own suffix that of all PNGs does, and ``.jpg`` for ``.jpeg``.
        """
        suffixes = {self.suffix, f".{self.suffix.rpartition('.')[2]}"}
        for known in PHOTO_FORMATS:
            if self.media_type in known.media_types:
                suffixes.update(known.suffixes)
        return max(len(one) if name.lower().endswith(one) else 0 for one in suffixes)
