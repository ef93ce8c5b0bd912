"""Ranges of numbers: what lies outside is refused in the same words."""

from __future__ import annotations

from service.errors import InvalidParameter


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`InvalidParameter`, naming the range, unless ``low <= value <= high``.

    NaN lies in no range.
    """
    if not low <= value <= high:
        raise InvalidParameter(f"{name} must be from {low:g} to {high:g}; it is {value:g}.")
