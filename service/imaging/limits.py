"""Ranges of options: every effect refuses what is outside in the same words."""

from __future__ import annotations

from service.errors import InvalidParameter


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`InvalidParameter`, naming the range, unless ``low <= value <= high``.

    NaN lies in no range.
    """
    if not low <= value <= high:
        raise InvalidParameter(f"{name} must be from {low:g} to {high:g}; it is {value:g}.")


def check_point(name: str, point: tuple[float, float]) -> None:
    """Raise :class:`InvalidParameter` unless both coordinates are shares from 0 to 1."""
    for axis, value in zip("xy", point, strict=True):
        check_range(f"{name}.{axis}", value, 0, 1)
