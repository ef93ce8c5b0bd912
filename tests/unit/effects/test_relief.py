from __future__ import annotations

import io
import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.effects.relief import (
    NormalY,
    ReliefFormat,
    ReliefOptions,
    height_map,
    normal_picture,
    relief_in_colours,
    shaded_relief,
    smoothed,
    surface_normals,
)
from service.geometry.camera import camera_of_fov, unproject
from service.imaging import strips
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.render import nearness
from service.imaging.transforms import centres
from tests.support.depths import inverse_depth, motorcycle_inverse
from tests.support.photos import photo_pixels

GREY = np.full((90, 120, 3), 128, np.uint8)


def tilted_plane() -> tuple[DepthMap, NDArray[np.float64]]:
    """Metric depth of the plane z = 3 + 0.5 x seen at 65 degrees, and its normal."""
    focal = 120 * camera_of_fov(120, 90, 65).focal_x
    across = (np.arange(120) - 59.5) / focal
    row = 3 / (1 - 0.5 * across)
    values = np.repeat(row[np.newaxis], 90, axis=0).astype(np.float32)
    return DepthMap(values, DepthKind.METRIC_DEPTH, "test"), np.array([0.5, 0, 1]) / math.hypot(
        0.5, 1
    )


def test_normals_of_a_tilted_plane_are_the_planes() -> None:
    depth, normal = tilted_plane()
    normals = surface_normals(GREY, depth, ReliefOptions(smooth=0))
    assert normals.shape == (90, 120, 3)
    error = np.degrees(np.arccos(np.clip(normals[5:-5, 5:-5] @ normal, -1, 1)))
    assert error.max() < 3


def test_a_floor_is_green_where_y_is_up_and_mirrored_where_it_is_down() -> None:
    floor = inverse_depth(np.repeat(np.linspace(0, 1, 90)[:, np.newaxis], 120, axis=1))
    up, down = (relief_in_colours(GREY, floor, ReliefOptions(y=y)).astype(int) for y in NormalY)
    assert up[45, 60, 1] > 200
    assert np.array_equal(up[..., [0, 2]], down[..., [0, 2]])
    assert (np.abs(up[..., 1] + down[..., 1] - 255) <= 1).all()


def test_normals_have_unit_length_and_face_the_viewer_up_to_the_border() -> None:
    values = np.random.default_rng(0).random((30, 40))
    normals = surface_normals(GREY, inverse_depth(values), ReliefOptions())
    np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-3)
    rays = camera_of_fov(120, 90, 65).rays(centres(120), centres(90))
    facing = np.einsum("hwc,hwc->hw", normals, -unproject(np.ones((90, 120), np.float32), *rays))
    assert facing.min() > -1e-3


def test_the_normal_picture_of_a_wall_is_the_usual_blue() -> None:
    normals = surface_normals(GREY, inverse_depth(np.zeros((9, 12))), ReliefOptions())
    assert normal_picture(normals)[45, 60].tolist() == [128, 128, 255]


def test_the_slope_that_faces_the_lamp_is_the_bright_one() -> None:
    ridge = 1 - np.abs(np.linspace(-1, 1, 120))
    depth = inverse_depth(np.repeat(ridge[np.newaxis], 90, axis=0))
    left_lit = shaded_relief(GREY, depth, ReliefOptions(azimuth=270))[45, :, 0].astype(int)
    right_lit = shaded_relief(GREY, depth, ReliefOptions(azimuth=90))[45, :, 0].astype(int)
    assert left_lit[30] > left_lit[90] + 30
    assert right_lit[90] > right_lit[30] + 30


def test_texture_darkens_what_is_dark_in_the_photo() -> None:
    pixels = GREY.copy()
    pixels[:, 60:] = 20
    relief = shaded_relief(pixels, inverse_depth(np.zeros((9, 12))), ReliefOptions(texture=1))
    assert relief[45, 90].max() < 0.3 * relief[45, 30].min()


def test_the_height_map_is_16_bit_from_base_to_full() -> None:
    ramp = np.repeat(np.interp(np.arange(600), [99, 500], [0, 1])[np.newaxis], 90, axis=0)
    pixels = np.full((90, 600, 3), 128, np.uint8)
    data = height_map(pixels, inverse_depth(ramp), ReliefOptions(base=0.25, smooth=0))
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (600, 90)
    heights = np.asarray(picture).astype(np.int64)
    assert heights.min() == pytest.approx(0.25 * 65535, abs=200)
    assert heights.max() == pytest.approx(65535, abs=200)
    assert np.unique(heights).size > 256


def test_the_height_map_of_a_flat_map_is_all_base() -> None:
    data = height_map(GREY, inverse_depth(np.full((9, 12), 2.0)), ReliefOptions(base=0.5))
    assert np.unique(np.asarray(Image.open(io.BytesIO(data)))).tolist() == [32768]


def test_large_photos_come_out_bounded() -> None:
    options = ReliefOptions(max_side=256)
    photo = photo_pixels("astronaut.png")
    depth = inverse_depth(np.random.default_rng(0).random((32, 32)))
    assert shaded_relief(photo, depth, options).shape == (256, 256, 3)
    assert surface_normals(photo, depth, options).shape == (256, 256, 3)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.02, 0.05])
def test_a_wide_gaussian_at_a_fraction_of_the_size_is_the_whole_ones(share: float) -> None:
    surface = nearness(motorcycle_inverse())
    sigma = share * surface.shape[1] * 2
    whole = cv2.GaussianBlur(surface, (0, 0), sigma)
    difference = np.abs(smoothed(surface, sigma) - whole)
    assert difference.max() < 4e-3
    assert difference.mean() < 1e-3


def test_the_widest_gaussian_filters_no_more_than_a_narrow_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sigmas: list[float] = []
    filtered = cv2.GaussianBlur

    def watched(plane: NDArray[np.float32], side: Any, sigma: float, **options: Any) -> Any:
        sigmas.append(sigma)
        return filtered(plane, side, sigma, **options)

    monkeypatch.setattr(cv2, "GaussianBlur", watched)
    for sigma in (10.0, 200.0):
        smoothed(np.eye(1000, dtype=np.float32), sigma)
    assert max(sigmas) < 16


@pytest.mark.parametrize("format", [ReliefFormat.SHADED, ReliefFormat.NORMALS])
def test_a_relief_made_in_strips_is_the_whole_one(
    format: ReliefFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = shaded_relief if format is ReliefFormat.SHADED else relief_in_colours
    photo, options = photo_pixels("motorcycle_left.png"), ReliefOptions(texture=0.5)
    whole = make(photo, motorcycle_inverse(), options).astype(int)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1)
    difference = np.abs(make(photo, motorcycle_inverse(), options) - whole)
    assert (difference > 1).mean() < 1e-3
