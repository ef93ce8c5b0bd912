"""What a file's numbers mean, in text that other programs pass over.

It is in text chunks of a 16-bit PNG, in attributes of an OpenEXR's header, and in a TIFF's
ImageDescription. ``Depth-Kind``, ``Depth-Unit``, ``Depth-Min`` and ``Depth-Max`` (of levels 0 and
65535), ``Depth-Invalid`` (the level that is no reading), ``Depth-Beyond`` (from where on a value
stands for infinity), ``Depth-Model``, and ``Software`` with its version; of floating-point numbers,
which stand for themselves, no levels. Format of PNG: its specification, third edition, W3C 2025,
section 11.3.3.2 (tEXt).
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service import __version__
from service.errors import InvalidParameter
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import DepthArray

T = TypeVar("T")

_LARGEST_LEVEL = 65535
_LARGEST_VALUE = 1e12
# What float64 moves the end of a range by, as a share of a level, is less.
_SAME_LEVEL = 1e-6
# Levels are rounded in float32, which is off by up to a hundredth of one.
_HALF_A_LEVEL = 0.51
_KEYWORDS = frozenset(
    f"Depth-{name}" for name in ("Kind", "Unit", "Min", "Max", "Invalid", "Beyond", "Model")
)
# They stand at the front; whoever hides them behind more chunks has not written them.
_MOST_CHUNKS = 32
_LONGEST_TEXT = 256
_SIGNATURE_BYTES = 8


@dataclass(frozen=True)
class DepthDescription:
    """The meaning of levels 0..65535: ``value = low + level / 65535 * (high - low)``.

    ``low`` is the larger where levels fall as values grow.
    """

    kind: DepthKind
    low: float
    high: float
    model: str
    invalid: int | None = None
    beyond: float | None = None

    @property
    def inverted(self) -> DepthDescription:
        """Of levels that run the other way, but for one that is no reading, which is 0."""
        first = 0 if self.invalid is None else 1
        step = (self.high - self.low) / _LARGEST_LEVEL
        low = self.low + (_LARGEST_LEVEL + first) * step
        return dataclasses.replace(self, low=low, high=self.low + first * step)

    def text(self) -> dict[str, str]:
        """Keywords and values of the chunks."""
        optional = {"Depth-Invalid": self.invalid, "Depth-Beyond": self.beyond}
        return {
            **NumbersDescription(self.kind, self.model).text(),
            "Depth-Min": repr(self.low),
            "Depth-Max": repr(self.high),
            **{key: str(value) for key, value in optional.items() if value is not None},
        }

    def values(self, levels: NDArray[np.integer], *, zero_is_gap: bool = False) -> DepthArray:
        """The numbers that the levels stand for, ``(h, w)`` float32; 0 is NaN where it is a gap."""
        step = (self.high - self.low) / _LARGEST_LEVEL
        values = (levels * step + self.low).astype(np.float32)
        if self._holds_zero:
            reach = (_HALF_A_LEVEL if zero_is_gap else _SAME_LEVEL) * abs(step)
            values[np.abs(values) <= reach] = np.nan if zero_is_gap else 0
        if self.beyond is not None:
            # Half a step less: the level that is meant was rounded.
            values[values >= self.beyond - abs(step) / 2] = np.inf
        if self.invalid is not None:
            values[levels == self.invalid] = np.nan
        return values

    @property
    def _holds_zero(self) -> bool:
        """Whether 0 is in the range of what has a reading."""
        step = (self.high - self.low) / _LARGEST_LEVEL
        # The level of no reading is no end of the range: metres that begin above 0 hold no 0.
        first, last = int(self.invalid == 0), _LARGEST_LEVEL - int(self.invalid == _LARGEST_LEVEL)
        low, high = sorted((self.low + first * step, self.low + last * step))
        slack = _SAME_LEVEL * abs(step)
        return low - slack <= 0 <= high + slack


@dataclass(frozen=True)
class NumbersDescription:
    """The meaning of floating-point numbers."""

    kind: DepthKind
    model: str

    def text(self) -> dict[str, str]:
        """Keywords and values."""
        text = {
            "Software": f"depth-service {__version__}",
            "Depth-Model": self.model,
            "Depth-Kind": self.kind.value,
        }
        return text if self.kind.unit is None else {**text, "Depth-Unit": self.kind.unit}


def describe(depth: DepthMap) -> DepthDescription:
    """What the levels of ``depth``, which has no infinity, are to mean."""
    low, high = (0.0, 0.0) if math.isnan(depth.extent[0]) else depth.extent
    if depth.is_whole:
        return DepthDescription(depth.kind, low, high, depth.model)
    # Level 0 is for what has no reading, so the smallest value becomes level 1.
    span = high - low or 1.0
    low, high = low - span / (_LARGEST_LEVEL - 1), low + span
    return DepthDescription(depth.kind, low, high, depth.model, invalid=0)


def read_description(data: bytes) -> DepthDescription | None:
    """The description in a PNG; None where there is none.

    Raises :class:`InvalidParameter` for one that cannot be true.
    """
    return _read(_text_chunks(data), _described)


def numbers_description(text: Mapping[str, str]) -> NumbersDescription | None:
    """The description in the text of a file of floating-point numbers; None where there is none.

    Raises :class:`InvalidParameter` for one that cannot be true.
    """
    return _read(text, _described_numbers)


def _read(text: Mapping[str, str], read: Callable[[Mapping[str, str]], T]) -> T | None:
    if not text.keys() & _KEYWORDS:
        return None
    try:
        return read(text)
    except (KeyError, ValueError) as error:
        raise InvalidParameter(
            "depth: the file describes itself in a way that cannot be true; send it without its "
            "texts Depth-Kind, Depth-Min, Depth-Max, or correct them."
        ) from error


def _described_numbers(text: Mapping[str, str]) -> NumbersDescription:
    kind = DepthKind(text["Depth-Kind"])
    if text.get("Depth-Unit") != kind.unit:
        raise ValueError("no unit of that kind")
    return NumbersDescription(kind, text.get("Depth-Model", ""))


def _described(text: Mapping[str, str]) -> DepthDescription:
    low, high = float(text["Depth-Min"]), float(text["Depth-Max"])
    if not all(-_LARGEST_VALUE <= value <= _LARGEST_VALUE for value in (low, high)):
        raise ValueError("no range")
    invalid = int(text["Depth-Invalid"]) if "Depth-Invalid" in text else None
    beyond = float(text["Depth-Beyond"]) if "Depth-Beyond" in text else None
    if invalid is not None and not 0 <= invalid <= _LARGEST_LEVEL:
        raise ValueError("no level")
    if beyond is not None and not beyond > 0:
        raise ValueError("no limit")
    of_numbers = _described_numbers(text)
    return DepthDescription(of_numbers.kind, low, high, of_numbers.model, invalid, beyond)


def _text_chunks(data: bytes) -> dict[str, str]:
    """The tEXt chunks before the picture's data; the first of a keyword counts."""
    text: dict[str, str] = {}
    at = _SIGNATURE_BYTES
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind == b"tEXt" and length <= _LONGEST_TEXT:
            keyword, _, value = data[at + 8 : at + 8 + length].partition(b"\0")
            text.setdefault(keyword.decode("latin-1"), value.decode("latin-1"))
        at += 12 + length
    return text
