from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.tiles import TILES, cut, finer, has_detail, merge
from service.imaging.transforms import Interpolation, to_image_size
from service.models.registry import SPECS

Floats = NDArray[np.float32]
INVERSE, METRIC = DepthKind.RELATIVE_INVERSE_DEPTH, DepthKind.METRIC_DEPTH


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("photo", [(741, 500), (4000, 3000), (500, 741), (1280, 720)])
def test_the_finer_input_is_exactly_twice_as_large(name: str, photo: tuple[int, int]) -> None:
    rule = SPECS[name].input_rule
    width, height = rule.network_size(*photo)
    assert finer(rule).network_size(*photo) == (2 * width, 2 * height)


@pytest.mark.parametrize("name", SPECS)
def test_detail_begins_where_a_photo_has_noticeably_more_pixels(name: str) -> None:
    rule = SPECS[name].input_rule
    across, down = rule.network_size(1000, 1000)
    side = math.isqrt(int(1.44 * across * down))
    for photo, has_more in ((side, False), (side + 1, True)):
        assert rule.network_size(photo, photo) == (across, down)
        assert has_detail(rule, photo, photo) == has_more


def test_tiles_are_the_nine_overlapping_quarters() -> None:
    tensor = np.random.default_rng(0).random((3, 128, 192), np.float32)
    tiles = cut(tensor)
    assert len(tiles) == TILES
    assert {tile.shape for tile in tiles} == {(3, 64, 96)}
    assert np.array_equal(tiles[4], tensor[:, 32:96, 48:144])
    assert np.array_equal(tiles[8], tensor[:, 64:, 96:])


def scene() -> tuple[Floats, Floats]:
    """A map twice the network's size with fine lines, and what a network sees of the whole."""
    y, x = np.mgrid[0:128, 0:192]
    fine = (1 + x / 192 + y / 128 + 0.3 * ((x // 4) % 2)).astype(np.float32)
    coarse = fine.reshape(64, 2, 96, 2).mean((1, 3))
    return fine, np.ascontiguousarray(coarse)


def merged_values(whole: Floats, tiles: list[Floats], kind: DepthKind = INVERSE) -> Floats:
    maps = [DepthMap(values, kind, "test") for values in (whole, *tiles)]
    return merge(maps[0], maps[1:]).values


def test_tiles_of_any_scale_and_shift_merge_without_seams() -> None:
    fine, coarse = scene()
    rng = np.random.default_rng(1)
    tiles = [rng.uniform(0.5, 20) * tile[0] + rng.uniform(-5, 5) for tile in cut(fine[None])]
    merged = merged_values(coarse, [np.asarray(tile, np.float32) for tile in tiles])
    plain = to_image_size(coarse, 192, 128, Interpolation.LINEAR)
    assert np.abs(merged - fine).mean() < 0.5 * np.abs(plain - fine).mean()
    jumps = np.abs(np.diff(merged - fine, axis=1)).max(), np.abs(np.diff(fine, axis=1)).max()
    assert jumps[0] < 0.2 * jumps[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_broad_is_the_wholes_whatever_the_tiles_say(sign: int) -> None:
    """Tiles that tilt, each its own way, as a network's do, which sees a part of the photo only."""
    fine, coarse = scene()
    tilt = np.linspace(-0.3 * sign, 0.3 * sign, 96, dtype=np.float32)
    tiles = [tile[0] + tilt * (-1) ** index for index, tile in enumerate(cut(fine[None]))]
    merged = merged_values(coarse, tiles)
    base = to_image_size(coarse, 192, 128, Interpolation.LINEAR)
    broad = cv2.GaussianBlur(merged - base, (0, 0), 16)
    assert np.abs(broad).max() < 0.02 * np.ptp(coarse)
    # The fine lines are there.
    assert np.abs(np.diff(merged, axis=1)).max() > 1.5 * np.abs(np.diff(base, axis=1)).max()


def test_a_tile_that_contradicts_the_whole_is_left_out() -> None:
    fine, coarse = scene()
    merged = merged_values(coarse, [-tile[0] for tile in cut(fine[None])])
    assert np.allclose(merged, to_image_size(coarse, 192, 128, Interpolation.LINEAR), atol=1e-5)


def test_tiles_without_any_range_change_nothing() -> None:
    _, coarse = scene()
    merged = merged_values(coarse, [np.zeros((64, 96), np.float32)] * TILES)
    assert np.isfinite(merged).all()
    assert np.allclose(merged, to_image_size(coarse, 192, 128, Interpolation.LINEAR), atol=1e-5)


def test_metres_are_merged_as_their_inverse() -> None:
    fine, coarse = scene()
    inverse = merged_values(coarse, [tile[0] for tile in cut(fine[None])])
    tiles = [np.reciprocal(tile[0]) for tile in cut(fine[None])]
    metres = merged_values(np.reciprocal(coarse), tiles, METRIC)
    np.testing.assert_allclose(metres, 1 / np.maximum(inverse, coarse.min()), rtol=1e-4)


def test_what_is_near_before_what_is_far_keeps_its_metres() -> None:
    """A hand before a street: of sums of metres some are 0 or less beside it, no reading at all."""
    fine = np.full((128, 192), 60, np.float32)
    fine[40:90, 60:130] = 0.4
    coarse = fine[::2, ::2].copy()
    merged = merged_values(coarse, [tile[0] * 1.2 for tile in cut(fine[None])], METRIC)
    assert 0.2 < merged.min() < 0.5
    assert merged.max() == pytest.approx(60)


def test_small_photos_have_no_more_detail() -> None:
    rule = SPECS["depth_lite_256"].input_rule
    assert has_detail(rule, 1280, 720)
    assert not has_detail(rule, 280, 220)
