"""What is beyond a limit is refused in the same words everywhere."""

from __future__ import annotations

import math

from service.errors import InvalidParameter, PayloadTooLarge


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`InvalidParameter`, naming the range, unless ``low <= value <= high``.

    NaN lies in no range.
    """
    if not low <= value <= high:
        raise InvalidParameter(f"{name} must be from {low:g} to {high:g}; it is {value:g}.")


def too_many_pixels(what: str, width: int, height: int, most: int) -> PayloadTooLarge:
    """The error for a picture of more than ``most`` pixels; it says to which size to shrink."""
    to_width, to_height = largest_size(width, height, most)
    return PayloadTooLarge(
        f"The {what} has {width}x{height} pixels ({width * height / 1e6:.1f} megapixels); the "
        f"limit is {most / 1e6:g} megapixels. Shrink it to {to_width}x{to_height} pixels or fewer."
    )


def largest_size(width: int, height: int, most: int) -> tuple[int, int]:
    """``(width, height)`` scaled down, about keeping its shape, to at most ``most`` pixels."""
    least, greatest = sorted((width, height))
    # In integers: a root in floating point came out as 0.99 of one pixel.
    shorter = max(1, math.isqrt(most * least // greatest))
    # What rounding up to one pixel has added, the other side gives.
    longer = min(math.isqrt(most * greatest // least), most // shorter)
    return (longer, shorter) if width >= height else (shorter, longer)
