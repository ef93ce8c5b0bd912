"""Photos and depth maps of sizes and ranges that nobody expects."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from service.effects.obstacle import ObstacleOptions, detect_obstacles, draw_danger_zone
from service.effects.portrait import PortraitOptions, blur_background
from service.effects.relief import ReliefOptions, shaded_relief
from service.effects.stereo import StereoOptions, stereo_picture
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import Rgb

EFFECTS: dict[str, Callable[[Rgb, DepthMap], Rgb]] = {
    "obstacle": lambda pixels, depth: draw_danger_zone(pixels, depth, ObstacleOptions()),
    "relief": lambda pixels, depth: shaded_relief(pixels, depth, ReliefOptions(texture=0.5)),
    "portrait": lambda pixels, depth: blur_background(
        pixels, depth, PortraitOptions(focus="1,0", aperture=1)
    ),
    "stereo": lambda pixels, depth: stereo_picture(pixels, depth, StereoOptions()),
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2), (300, 5)])
@pytest.mark.parametrize("kind", DepthKind)
def test_every_effect_takes_any_size_and_range(
    effect: str, size: tuple[int, int], kind: DepthKind
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for shape, scale in (((1, 1), 1.0), ((64, 32), 1e-30), ((3, 200), 1e30), ((8, 8), 0.0)):
            depth = DepthMap((rng.random(shape) * scale).astype(np.float32), kind, "test")
            picture = EFFECTS[effect](pixels, depth)
            assert picture.dtype == np.uint8
            assert picture.shape[0] == size[0]


def test_a_map_of_one_pixel_has_no_obstacle() -> None:
    depth = DepthMap(np.ones((1, 1), np.float32), DepthKind.RELATIVE_INVERSE_DEPTH, "test")
    assert detect_obstacles(depth, ObstacleOptions(grid="64x64")).near_share == 0
