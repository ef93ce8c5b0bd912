from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.imaging.limits import largest_size, too_many_pixels

SIDES = st.integers(1, 100_000)


@given(SIDES, SIDES, st.integers(1, 200_000_000))
@example(123, 123, 1)
@example(99_991, 99_991, 99_990**2)
def test_what_is_shrunk_as_it_is_told_fits_and_keeps_its_shape(
    width: int, height: int, most: int
) -> None:
    most = min(most, width * height)
    small = largest_size(width, height, most)
    assert min(small) >= 1
    assert small[0] * small[1] <= most
    # To a pixel, where there is more than one.
    if min(small) > 1:
        assert abs(small[0] * height / width - small[1]) <= 1 + height / width


def test_the_error_has_the_numbers() -> None:
    error = too_many_pixels("image", 12_000, 9000, 50_000_000)
    assert error.detail == (
        "The image has 12000x9000 pixels (108.0 megapixels); the limit is 50 megapixels. "
        "Shrink it to 8164x6123 pixels or fewer."
    )
    with pytest.raises(type(error), match="8164x6123"):
        raise error
