"""Pictures as frames of a video: the sizes that codecs take."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from service.errors import InvalidParameter
from service.imaging.film import Codec, Film, Picture, address_of


def picture(codec: Codec, width: int, height: int) -> Picture:
    if codec is Codec.FFV1:
        return np.full((height, width), 40_000, np.uint16)
    return np.full((height, width, 3), 200, np.uint8)


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("size", [(2, 2), (2, 40), (40, 3), (1, 40), (40, 1), (1, 1)])
def test_sides_of_a_video_are_at_least_2_pixels(
    tmp_path: Path, codec: Codec, size: tuple[int, int]
) -> None:
    path = tmp_path / "film.nut"
    with av.open(address_of(path), "w", format="nut") as container:
        film = Film(container, codec, Fraction(1, 5), Fraction(5))
        if min(size) < 2:
            width, height = size
            with pytest.raises(InvalidParameter, match=f"at least 2 .* would be {width}x{height}"):
                film.add(picture(codec, *size), 0)
            return
        film.add(picture(codec, *size), 0)
        film.finish()
    with av.open(address_of(path)) as read:
        assert len(list(read.decode(video=0))) == 1
