from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.augment import disturb, jpeg, rotate, view
from training.dataset import SHAPES


@pytest.fixture
def ramp() -> np.ndarray:
    """A photo whose red grows to the right and green downwards."""
    down, across = np.mgrid[0:200, 0:300]
    red, green = across * 255 / 299, down * 255 / 199
    return np.stack([red, green, np.full_like(red, 90)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("size", SHAPES)
def test_photo_and_label_show_the_same(ramp: np.ndarray, size: tuple[int, int]) -> None:
    """A label that is the photo's red channel must follow it, at half the photo's size, too."""
    label = ramp[::2, ::2, 0].astype(np.float32)
    for seed in range(20):
        photo, same = view(ramp, label, size, np.random.default_rng(seed))
        assert photo.shape == (*size, 3)
        assert same.shape == size
        assert same.dtype == np.float32
        assert np.abs(photo[..., 0].astype(float) - same).mean() < 4


def test_edges_stay_in_place_whatever_the_label_s_shape() -> None:
    """Labels have sides of multiples of 32, so their pixels are not square on most photos."""
    checks = (np.indices((320, 427)) // 53).sum(axis=0) % 2 * 255
    photo = np.stack([checks] * 3, axis=2).astype(np.uint8)
    label = cv2.resize(checks.astype(np.float32), (448, 352), interpolation=cv2.INTER_NEAREST)
    for seed in range(40):
        shown, same = view(photo, label, (256, 256), np.random.default_rng(seed))
        differs = (shown[..., 0] > 127) != (same > 127)
        # Checks of 50 pixels, each with edges of a pixel or two to resample.
        assert differs.mean() < 0.05


def test_views_differ_and_are_reproducible(ramp: np.ndarray) -> None:
    label = ramp[..., 0].astype(np.float32)
    one = view(ramp, label, (192, 320), np.random.default_rng(1))[0]
    again = view(ramp, label, (192, 320), np.random.default_rng(1))[0]
    other = view(ramp, label, (192, 320), np.random.default_rng(2))[0]
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("degrees", [-8.0, 3.0, 8.0])
def test_a_turned_photo_has_no_empty_corners(degrees: float) -> None:
    white = np.full((120, 200, 3), 255, np.uint8)
    black_edge = white.copy()
    black_edge[[0, -1]] = 0
    black_edge[:, [0, -1]] = 0
    assert (rotate(black_edge, degrees)[2:-2, 2:-2] > 0).all()


def test_a_turn_goes_the_same_way_for_photo_and_label(ramp: np.ndarray) -> None:
    label = ramp[..., 0].astype(np.float32)
    difference = rotate(ramp, 7)[..., 0].astype(float) - rotate(label, 7)
    assert np.abs(difference).mean() < 1


def test_an_unknown_pixel_spreads_but_does_not_vanish(ramp: np.ndarray) -> None:
    label = ramp[..., 0].astype(np.float32)
    label[80:120, 100:200] = np.nan
    turned = rotate(label, 5)
    assert np.isnan(turned[95:105, 130:170]).all()
    assert np.isfinite(turned[:40]).all()


def test_disturbed_photos_stay_photos(ramp: np.ndarray) -> None:
    for seed in range(30):
        disturbed = disturb(ramp, np.random.default_rng(seed))
        assert disturbed.shape == ramp.shape
        assert disturbed.dtype == np.uint8
        # Red still grows to the right.
        assert disturbed[:, -50:, 0].mean() >= disturbed[:, :50, 0].mean()


def test_jpeg_loses_something_but_not_the_colours(ramp: np.ndarray) -> None:
    compressed = jpeg(ramp, 10)
    difference = np.abs(compressed.astype(int) - ramp)
    assert 0 < difference.mean() < 12
    # As a real one: colour is coarser than light, and red stays red.
    red = np.full((64, 64, 3), (200, 20, 20), np.uint8)
    assert np.abs(jpeg(red, 10).astype(int) - red).max() < 20
