from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.effects.stereo import (
    STEREO,
    StereoLayout,
    StereoOptions,
    stereo_pair,
    stereo_picture,
)
from service.errors import InvalidParameter
from service.imaging.transforms import Rgb
from tests.support.depths import inverse_depth, motorcycle_inverse
from tests.support.photos import photo_pixels


def scene() -> tuple[Rgb, NDArray[np.float32]]:
    """A white square before a dark wall."""
    pixels = np.full((120, 200, 3), 40, np.uint8)
    pixels[40:80, 80:120] = 255
    return pixels, (pixels[..., 0] > 128).astype(np.float32)


def centre(row: NDArray[np.integer]) -> float:
    return float(np.average(np.arange(row.size), weights=row > 128))


def blurred(picture: Rgb) -> NDArray[np.int64]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.int64)


def test_the_near_square_lies_farther_right_for_the_left_eye() -> None:
    pixels, nearness = scene()
    options = StereoOptions(amplitude=0.1, screen_plane=0)
    left, right = stereo_pair(pixels, inverse_depth(nearness), options)
    disparity = centre(left[60, :, 0]) - centre(right[60, :, 0])
    assert disparity == pytest.approx(0.1 * 200, abs=1)


def test_what_is_in_the_screens_plane_does_not_part() -> None:
    pixels, nearness = scene()
    left, right = stereo_pair(
        pixels, inverse_depth(nearness), StereoOptions(amplitude=0.1, screen_plane=1)
    )
    assert centre(left[60, :, 0]) == pytest.approx(centre(right[60, :, 0]), abs=0.5)


def test_disparity_of_a_real_photo_has_the_sign_of_its_other_eye() -> None:
    """The motorcycle's right view, made from the left one, resembles the right camera's."""
    photo, true_right = (photo_pixels(f"motorcycle_{eye}.png") for eye in ("left", "right"))
    depth = motorcycle_inverse()
    left, right = stereo_pair(photo, depth, StereoOptions(amplitude=0.08, screen_plane=0))
    seen = blurred(true_right)

    def difference(picture: Rgb) -> float:
        return float(np.abs(blurred(picture) - seen).mean())

    assert difference(right) < difference(left)


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        ("anaglyph", (1920, 1080)),
        ("sbs", (3840, 1080)),
        ("half-sbs", (1920, 1080)),
        ("tb", (1920, 2160)),
        ("half-tb", (1920, 1080)),
    ],
)
def test_a_full_hd_photo_fills_the_frames_that_players_expect(
    layout: str, size: tuple[int, int]
) -> None:
    photo = np.asarray(cv2.resize(photo_pixels("coffee.png"), (1920, 1080)), np.uint8)
    frame = stereo_picture(photo, inverse_depth(np.eye(40)), StereoOptions(layout=layout))
    assert frame.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("layout", ["sbs", "half-sbs", "tb", "half-tb"])
def test_the_left_eye_comes_first_unless_crossed(layout: str) -> None:
    pixels, nearness = scene()
    depth, axis = inverse_depth(nearness), 1 if "sbs" in layout else 0
    eyes = stereo_pair(pixels, depth, StereoOptions(amplitude=0.1))
    frame, crossed = (
        stereo_picture(
            pixels, depth, StereoOptions(amplitude=0.1, layout=layout, crossed=is_crossed)
        )
        for is_crossed in (False, True)
    )
    for picture, expected in ((frame, eyes), (crossed, eyes[::-1])):
        for half, eye in zip(np.split(picture, 2, axis), expected, strict=True):
            seen = cv2.resize(half, eye.shape[1::-1])
            # Squeezed and enlarged, an edge is softer.
            assert (np.abs(seen.astype(int) - eye) > 60).mean() < 0.01


def test_what_is_flat_and_does_not_move_is_the_photo_itself() -> None:
    photo = photo_pixels("coffee.png")
    for eye in stereo_pair(photo, inverse_depth(np.zeros((4, 6))), StereoOptions(amplitude=0)):
        assert np.array_equal(eye, photo)


def test_an_eye_sees_the_photo_enlarged_and_keeps_its_proportions() -> None:
    """By what is cut off, a tenth; a square in the screen's plane stays one, in the middle."""
    pixels, _ = scene()
    flat = inverse_depth(np.zeros((3, 5)))
    for eye in stereo_pair(pixels, flat, StereoOptions(amplitude=0.1, screen_plane=0)):
        rows, columns = np.nonzero(eye[..., 0] > 148)
        assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == 44
        assert (rows.mean(), columns.mean()) == pytest.approx((59.5, 99.5), abs=0.5)


def test_names_of_layouts_of_the_release_before_are_read() -> None:
    assert StereoOptions.model_validate({"layout": "side_by_side"}).layout is StereoLayout.SBS


def test_a_pair_is_no_picture() -> None:
    pixels, nearness = scene()
    with pytest.raises(InvalidParameter, match="pair"):
        stereo_picture(pixels, inverse_depth(nearness), StereoOptions(layout=StereoLayout.PAIR))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "stereo_anaglyph.jpeg"),
        ({"layout": "sbs"}, "stereo_LR.jpeg"),
        ({"layout": "sbs", "crossed": True, "format": "png"}, "stereo_RL.png"),
        ({"layout": "tb"}, "stereo_TB.jpeg"),
        ({"layout": "half-sbs"}, "stereo_Half_SBS.jpeg"),
        ({"layout": "half-tb", "format": "webp"}, "stereo_Half_OU.webp"),
        ({"layout": "pair"}, "stereo_pair.jpeg.zip"),
        ({"layout": "pair", "format": "png"}, "stereo_pair.png.zip"),
    ],
)
def test_the_files_name_tells_its_layout(options: dict[str, Any], name: str) -> None:
    assert STEREO.file_name(StereoOptions(**options)) == name


def test_red_of_the_anaglyph_is_the_left_eyes() -> None:
    pixels, nearness = scene()
    depth, options = inverse_depth(nearness), StereoOptions(amplitude=0.1, screen_plane=0)
    left, right = stereo_pair(pixels, depth, options)
    red, green, _ = stereo_picture(pixels, depth, options)[60].T
    assert centre(red) == pytest.approx(centre(left[60, :, 0]), abs=1)
    assert centre(green) == pytest.approx(centre(right[60, :, 0]), abs=1)


def test_without_depth_the_anaglyph_of_a_grey_photo_is_grey() -> None:
    ramp = np.repeat(np.linspace(0, 255, 200).astype(np.uint8)[np.newaxis], 50, axis=0)
    pixels = np.repeat(ramp[..., np.newaxis], 3, axis=2)
    picture = stereo_picture(pixels, inverse_depth(np.zeros((5, 20))), StereoOptions(amplitude=0))
    assert np.abs(picture.astype(int) - pixels).max() <= 8


def test_large_photos_come_out_bounded() -> None:
    left, right = stereo_pair(
        photo_pixels("astronaut.png"), inverse_depth(np.eye(8)), StereoOptions(max_side=100)
    )
    assert left.shape == right.shape == (100, 100, 3)
