"""How large AV1 data say their frames are (AV1 bitstream specification, sections 5.3, 5.5, 5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.imaging.files.bits import HEADER_BYTES, Bits

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_KEY_FRAME, _SWITCH_FRAME = 0, 3
_SELECT = 2
_MAX_UNITS = 10_000


@dataclass(frozen=True)
class _Sequence:
    """What of a sequence header the headers of its frames depend on, and its frames' pixels."""

    pixels: int
    is_still: bool
    presentation_bits: int
    frame_id_bits: int
    screen_content_tools: int
    integer_motion: int


def coded_pixels(data: bytes) -> int:
    """Pixels of all frames together.

    Raises :class:`ValueError` for what no encoder of pictures writes: frames without a sequence,
    or of another size than their sequence's.
    """
    total, sequence = 0, None
    for kind, content in _units(data):
        if kind == _SEQUENCE:
            sequence = _read_sequence(Bits(content))
        elif kind in (_FRAME_HEADER, _FRAME):
            if sequence is None:
                raise ValueError("a frame comes before its sequence")
            _check_frame(Bits(content), sequence)
            total += sequence.pixels
    return total


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and start of each unit (OBU)."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= len(data):
            return
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        yield header >> 3 & 15, data[at : at + min(size, HEADER_BYTES)]
        at += size
    raise ValueError("there are too many units")


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a size has no end")


def _read_sequence(bits: Bits) -> _Sequence:
    bits.take(3 + 1)
    is_still = bool(bits.take(1))
    presentation_bits = 0
    if is_still:
        bits.take(5)
    else:
        presentation_bits = _skip_timing(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    pixels = (bits.take(width_bits) + 1) * (bits.take(height_bits) + 1)
    frame_id_bits = 0
    if not is_still and bits.take(1):
        frame_id_bits = bits.take(4) + bits.take(3) + 3
    bits.take(3)
    tools = motion = _SELECT
    if not is_still:
        bits.take(4)
        if bits.take(1):
            bits.take(2)
        tools = _SELECT if bits.take(1) else bits.take(1)
        motion = _SELECT if not tools or bits.take(1) else bits.take(1)
    return _Sequence(pixels, is_still, presentation_bits, frame_id_bits, tools, motion)


def _skip_timing(bits: Bits) -> int:
    """Up to the frame's size; how many bits of time each frame has."""
    presentation_bits = delay_bits = 0
    if bits.take(1):
        bits.take(64)
        equal = bits.take(1)
        if equal:
            bits.variable()
        if bits.take(1):
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5)
            presentation_bits = 0 if equal else bits.take(5) + 1
            if equal:
                bits.take(5)
    display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if display_delay and bits.take(1):
            bits.take(4)
    return presentation_bits


def _check_frame(bits: Bits, sequence: _Sequence) -> None:
    """Raise :class:`ValueError` for a frame of a size of its own."""
    if sequence.is_still or bits.take(1):
        return
    kind, is_shown = bits.take(2), bits.take(1)
    if is_shown:
        bits.take(sequence.presentation_bits)
    else:
        bits.take(1)
    if kind != _SWITCH_FRAME and not (kind == _KEY_FRAME and is_shown):
        bits.take(1)
    bits.take(1)
    tools = sequence.screen_content_tools
    if (bits.take(1) if tools == _SELECT else tools) and sequence.integer_motion == _SELECT:
        bits.take(1)
    bits.take(sequence.frame_id_bits)
    if kind == _SWITCH_FRAME or bits.take(1):
        raise ValueError("a frame has a size of its own")
