"""What crosses between the service and a decode process: fixed structs around raw bytes.

An order goes in as JSON followed by the photo. What comes back is from a process that may be in
the hands of its photo, so nothing of it is parsed beyond a struct: its sizes are checked against
what was asked for, and it is never unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable
from enum import IntEnum, StrEnum

from service.errors import DepthError, PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.transforms import Fit, InputRule, Interpolation

ReadInto = Callable[[memoryview], None]
"""Fills a buffer from the other side; raises :class:`ConnectionError` when that side is gone."""

_ORDER = struct.Struct("=II")
_REPLY = struct.Struct("=BIII")
_MAX_DETAIL_BYTES = 500
_ERRORS: dict[str, type[DepthError]] = {
    error.slug: error for error in (UndecodableImage, UnsupportedMediaType, PayloadTooLarge)
}


class Task(StrEnum):
    """What a decode process is asked for."""

    PHOTO_SIZE = "photo-size"
    NETWORK_INPUT = "network-input"
    EFFECT_INPUT = "effect-input"
    GREY = "grey"


class ReplyKind(IntEnum):
    """What a decode process says."""

    READY = 0
    SIZE = 1
    TENSOR = 2
    REFUSED = 3
    PHOTO = 4
    NUMBERS = 5


@dataclasses.dataclass(frozen=True)
class Order:
    """One task on one photo.

    ``rule`` is the network that :data:`Task.NETWORK_INPUT` and :data:`Task.EFFECT_INPUT` prepare
    it for (the latter may do without), ``side`` the longest side of the effect's pixels.
    """

    task: Task
    max_pixels: int
    rule: InputRule | None = None
    scaled_decode: bool = False
    side: int = 0

    def frame(self, photo_bytes: int) -> bytes:
        """What goes before the photo's bytes."""
        order = json.dumps(dataclasses.asdict(self)).encode()
        return _ORDER.pack(len(order), photo_bytes) + order


@dataclasses.dataclass(frozen=True)
class Reply:
    """Kind of a reply, its two sizes, and the microseconds that the transform took.

    The sizes are the photo's width and height; of :data:`ReplyKind.REFUSED`, the first is the
    length of the text that follows.
    """

    kind: ReplyKind
    width: int = 0
    height: int = 0
    transform_microseconds: int = 0

    def frame(self) -> bytes:
        """The reply's fixed part."""
        return _REPLY.pack(self.kind, self.width, self.height, self.transform_microseconds)

    @property
    def transform_seconds(self) -> float:
        """What transforming took, in the process's own clock."""
        return self.transform_microseconds / 1e6


def read_order(read_into: ReadInto) -> tuple[Order, bytes]:
    """An order and its photo; raises :class:`ConnectionError` when there are no more."""
    order_bytes, photo_bytes = _ORDER.unpack(_read(read_into, _ORDER.size))
    fields = json.loads(_read(read_into, order_bytes))
    rule = fields.pop("rule")
    if rule is not None:
        rule |= {
            "fit": Fit(rule["fit"]),
            "resize": Interpolation(rule["resize"]),
            "mean": tuple(rule["mean"]),
            "std": tuple(rule["std"]),
        }
        rule = InputRule(**rule)
    order = Order(Task(fields.pop("task")), rule=rule, **fields)
    return order, _read(read_into, photo_bytes)


def refusal(error: DepthError) -> bytes:
    """The frame of a typed error."""
    text = f"{error.slug}\n{error.detail}".encode()[:_MAX_DETAIL_BYTES]
    return Reply(ReplyKind.REFUSED, len(text)).frame() + text


def read_reply(read_into: ReadInto, expected: ReplyKind, max_pixels: int) -> Reply:
    """The reply's fixed part, checked.

    Raises the typed error that the process answered with, or :class:`ConnectionError` when it
    ended or answered anything but ``expected`` with sizes that can be.
    """
    kind, width, height, microseconds = _REPLY.unpack(_read(read_into, _REPLY.size))
    if kind == ReplyKind.REFUSED and 0 < width <= _MAX_DETAIL_BYTES:
        raise _refused(_read(read_into, width))
    if kind != expected:
        raise ConnectionAbortedError("the decoder answered something else")
    if kind != ReplyKind.READY and not 0 < width * height <= max_pixels:
        raise ConnectionAbortedError("the decoder answered with an impossible size")
    return Reply(ReplyKind(kind), width, height, microseconds)


def _refused(text: bytes) -> DepthError | ConnectionError:
    slug, _, detail = text.decode(errors="replace").partition("\n")
    if slug not in _ERRORS:
        return ConnectionAbortedError("the decoder answered with an unknown error")
    # The text goes to the client and into the log: one plain line.
    return _ERRORS[slug]("".join(letter for letter in detail if letter.isprintable()))


def _read(read_into: ReadInto, count: int) -> bytes:
    buffer = bytearray(count)
    read_into(memoryview(buffer))
    return bytes(buffer)
