"""How large HEVC data say their pictures are (ITU-T H.265, sections 7.3.1, 7.3.2.2 and 7.3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from service.imaging.files.bits import HEADER_BYTES, Bits

_SEQUENCE = 33
_PROFILE_BITS, _LEVEL_BITS = 88, 8
_MOST_SUB_LAYERS = 8
_THREE_PLANES = 3
# Of a configuration (ISO/IEC 14496-15, 8.3.3.1): where its lists begin, and the lengths' length.
_LISTS_AT, _LENGTHS_AT = 22, 21
_MAX_UNITS = 10_000


def configured_pixels(configuration: bytes) -> int:
    """Pixels of the largest picture that the content of an ``hvcC`` box describes.

    Raises :class:`ValueError` for one that describes none.
    """
    return max((_pixels(unit) for unit in _configured(configuration)), default=0)


def coded_pixels(picture: bytes, configuration: bytes) -> int:
    """The same of a picture's own data, which may describe others; 0 where it does not.

    Raises :class:`ValueError` for data without end.
    """
    size = (configuration[_LENGTHS_AT : _LENGTHS_AT + 1] or b"\3")[0] % 4 + 1
    largest = at = 0
    for _ in range(_MAX_UNITS):
        if at + size >= len(picture):
            return largest
        length = int.from_bytes(picture[at : at + size])
        unit = picture[at + size : at + size + min(length, HEADER_BYTES)]
        if _kind(unit) == _SEQUENCE:
            largest = max(largest, _pixels(unit))
        at += size + length
    raise ValueError("there are too many units")


def _configured(configuration: bytes) -> Iterator[bytes]:
    """The sequence parameter sets of a configuration."""
    at = _LISTS_AT + 1
    for _ in range((configuration[_LISTS_AT : _LISTS_AT + 1] or b"\0")[0]):
        count = int.from_bytes(configuration[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            length = int.from_bytes(configuration[at : at + 2])
            unit = configuration[at + 2 : at + 2 + length]
            if _kind(unit) == _SEQUENCE:
                yield unit
            at += 2 + length
            if at > len(configuration):
                raise ValueError("a configuration is too short")


def _kind(unit: bytes) -> int | None:
    return unit[0] >> 1 & 63 if unit else None


def _pixels(unit: bytes) -> int:
    """Of a sequence parameter set."""
    # A 3 after two zeros keeps them from looking like a start, and is not part of the numbers.
    bits = Bits(unit[2:HEADER_BYTES].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    sub_layers = bits.take(3)
    bits.take(1)
    _skip_profile(bits, sub_layers)
    bits.variable()
    if bits.variable() == _THREE_PLANES:
        bits.take(1)
    return bits.variable() * bits.variable()


def _skip_profile(bits: Bits, sub_layers: int) -> None:
    bits.take(_PROFILE_BITS + _LEVEL_BITS)
    present = [(bits.take(1), bits.take(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.take(2 * (_MOST_SUB_LAYERS - sub_layers))
    for has_profile, has_level in present:
        bits.take(_PROFILE_BITS * has_profile + _LEVEL_BITS * has_level)
