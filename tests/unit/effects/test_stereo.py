from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.effects.stereo import StereoOptions, anaglyph, side_by_side, stereo_pair
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
    margin = (photo.shape[1] - left.shape[1]) // 2

    seen = blurred(true_right[:, margin : margin + left.shape[1]])

    def difference(picture: Rgb) -> float:
        return float(np.abs(blurred(picture) - seen).mean())

    assert difference(right) < difference(left)


def test_side_by_side_holds_left_then_right_unless_crossed() -> None:
    pixels, nearness = scene()
    depth = inverse_depth(nearness)
    left, right = stereo_pair(pixels, depth, StereoOptions())
    assert np.array_equal(side_by_side(pixels, depth, StereoOptions()), np.hstack([left, right]))
    crossed = side_by_side(pixels, depth, StereoOptions(crossed=True))
    assert np.array_equal(crossed, np.hstack([right, left]))


def test_red_of_the_anaglyph_is_the_left_eyes() -> None:
    pixels, nearness = scene()
    depth, options = inverse_depth(nearness), StereoOptions(amplitude=0.1, screen_plane=0)
    left, right = stereo_pair(pixels, depth, options)
    red, green, _ = anaglyph(pixels, depth, options)[60].T
    assert centre(red) == pytest.approx(centre(left[60, :, 0]), abs=1)
    assert centre(green) == pytest.approx(centre(right[60, :, 0]), abs=1)


def test_without_depth_the_anaglyph_of_a_grey_photo_is_grey() -> None:
    ramp = np.repeat(np.linspace(0, 255, 200).astype(np.uint8)[np.newaxis], 50, axis=0)
    pixels = np.repeat(ramp[..., np.newaxis], 3, axis=2)
    picture = anaglyph(pixels, inverse_depth(np.zeros((5, 20))), StereoOptions(amplitude=0))
    assert np.abs(picture.astype(int) - pixels).max() <= 8


def test_large_photos_come_out_bounded() -> None:
    left, right = stereo_pair(
        photo_pixels("astronaut.png"), inverse_depth(np.eye(8)), StereoOptions(max_side=100)
    )
    assert left.shape == right.shape
    assert left.shape[0] == 100
    assert 94 <= left.shape[1] <= 100
