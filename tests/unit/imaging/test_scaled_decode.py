"""Decoding a JPEG at a fraction of its size, and what that costs in depth."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.imaging.decode import Photo, decode_photo
from service.imaging.network_input import network_input
from service.inference.engines.selection import LoadedNetwork
from tests.support.photos import as_bytes, photo_bytes


def jpeg(name: str, **options: object) -> bytes:
    photo = Image.open(io.BytesIO(photo_bytes(name))).convert("RGB")
    return as_bytes(photo, "JPEG", quality=92, **options)


def decode(data: bytes, width: int, height: int) -> Photo:
    return decode_photo(data, lambda *_: (width, height))


@pytest.mark.parametrize(
    ("needed", "decoded"),
    [
        ((1411, 1411), 1411),
        ((705, 705), 706),
        ((706, 705), 1411),
        ((352, 300), 353),
        ((100, 100), 177),
        ((1, 1), 177),
        ((5000, 5000), 1411),
    ],
)
def test_the_smallest_fraction_that_covers_is_decoded(
    needed: tuple[int, int], decoded: int
) -> None:
    photo = decode(photo_bytes("retina.jpg"), *needed)
    assert (photo.width, photo.height) == (1411, 1411)
    assert photo.pixels.shape == (decoded, decoded, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_and_cover_are_those_of_the_upright_photo(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg("motorcycle_left.png", exif=exif)  # stored 741 x 500
    asked: list[tuple[int, int]] = []

    def cover(width: int, height: int) -> tuple[int, int]:
        asked.append((width, height))
        return (width // 2, height // 2)

    photo = decode_photo(data, cover)
    upright = (741, 500) if orientation < 5 else (500, 741)
    assert asked == [upright]
    assert (photo.width, photo.height) == upright
    half = (371, 250) if orientation < 5 else (250, 371)
    assert (photo.pixels.shape[1], photo.pixels.shape[0]) == half


@pytest.mark.parametrize("name", ["rocket.jpg", "coffee.png"])
def test_a_large_photo_of_another_kind_gives_nearly_the_same_depth(
    exact: LoadedNetwork, name: str
) -> None:
    rule = exact.spec.input_rule
    photo = Image.open(io.BytesIO(photo_bytes(name))).convert("RGB").resize((6000, 4000))
    data = as_bytes(photo, "BMP")
    whole, reduced = (network_input(data, rule, scaled) for scaled in (False, True))
    assert (reduced.width, reduced.height) == (6000, 4000)
    assert not np.array_equal(reduced.tensor, whole.tensor)
    expected, depth = (exact.engine.infer(one.tensor[np.newaxis]) for one in (whole, reduced))
    assert np.abs(depth - expected).mean() < 0.01 * np.ptp(expected)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_models_are_reduced_too(mode: str) -> None:
    photo = Image.open(io.BytesIO(photo_bytes("astronaut.png"))).convert(mode)
    reduced = decode(as_bytes(photo, "JPEG", quality=95), 64, 64).pixels
    expected = np.asarray(photo.convert("RGB").reduce(8)).astype(int)
    assert np.abs(reduced - expected).mean() < 8


def test_other_formats_are_decoded_whole() -> None:
    assert decode(photo_bytes("coffee.png"), 1, 1).pixels.shape == (400, 600, 3)


# The photos of scikit-image that are large enough to be reduced, but for the Hubble deep field:
# it is all points of light, which the whole decode samples by chance, and differs by 1.0%.
@pytest.mark.parametrize(
    "name",
    [
        "motorcycle_left.png",
        "motorcycle_right.png",
        "astronaut.png",
        "retina.jpg",
    ],
)
def test_depth_changes_by_less_than_one_percent_of_its_range(
    exact: LoadedNetwork, name: str
) -> None:
    data = jpeg(name)
    rule = exact.spec.input_rule
    whole, reduced = (network_input(data, rule, scaled_decode=scaled) for scaled in (False, True))
    assert reduced.tensor.shape == whole.tensor.shape
    assert not np.array_equal(reduced.tensor, whole.tensor)
    expected, depth = (exact.engine.infer(photo.tensor[np.newaxis]) for photo in (whole, reduced))
    assert np.abs(depth - expected).mean() < 0.01 * np.ptp(expected)
