from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidParameter
from service.geometry.camera import (
    camera_of_fov,
    camera_of_intrinsics,
    fov_of_focal_length,
    unproject,
)
from service.geometry.distances import distances, refined_distances
from service.geometry.mesh import Mesh, MeshOptions, build_mesh
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import Interpolation, centres
from tests.support.depths import inverse_depth

METRIC = DepthKind.METRIC_DEPTH


def wall(values: np.ndarray, near: float | None = None, far: float | None = None) -> DepthMap:
    return DepthMap(
        values.astype(np.float32), METRIC, "test", Interpolation.NEAREST, near=near, far=far
    )


def at_points(mesh: Mesh, values: np.ndarray) -> np.ndarray:
    """The map's value where each point of the mesh lies in the photo."""
    height, width = values.shape
    column, row = np.floor(mesh.places * [width, height]).astype(int).T
    return np.asarray(values[row, column])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    near=st.floats(0.05, 5),
    ratio=st.floats(1.0, 1e5),
    side=st.sampled_from([16, 40, 64]),
)
def test_a_cloud_divided_by_the_metre_map_is_1(
    seed: int, near: float, ratio: float, side: int
) -> None:
    """Whatever the range, with what is unknown and what is infinite in it."""
    random = np.random.default_rng(seed)
    values = (near * ratio ** random.random((6, 8))).astype(np.float32).repeat(8, 0).repeat(8, 1)
    values[random.random(values.shape) < 0.03] = np.nan
    values[:8, :8] = np.inf
    pixels = np.zeros((*values.shape, 3), np.uint8)
    mesh = build_mesh(pixels, wall(values), MeshOptions(max_side=side, refine=False))
    assert len(mesh.points)
    np.testing.assert_allclose(-mesh.points[:, 2] / at_points(mesh, values), 1, rtol=1e-4)


def test_the_cup_is_at_30_centimetres_however_far_the_background_is() -> None:
    values = np.array([0.25, 0.5, 1, 2, 5, 1000]).repeat(4)[np.newaxis].repeat(8, 0)
    mesh = build_mesh(np.zeros((8, 24, 3), np.uint8), wall(values), MeshOptions(refine=False))
    assert np.unique(-mesh.points[:, 2]).tolist() == [0.25, 0.5, 1, 2, 5, 1000]


def test_what_is_unknown_beyond_or_outside_the_limits_is_no_point() -> None:
    values = np.full((20, 30), 3.0)
    values[:, 10:] = 7
    values[:, 20:] = np.inf
    values[5, 5], pixels = np.nan, np.zeros((20, 30, 3), np.uint8)
    whole = build_mesh(pixels, wall(values), MeshOptions(refine=False))
    assert len(whole.points) == 20 * 20 - 1
    near = build_mesh(pixels, wall(values, far=5.0), MeshOptions(refine=False))
    assert len(near.points) == 20 * 10 - 1
    far = build_mesh(pixels, wall(values, near=5.0), MeshOptions(refine=False))
    assert len(far.points) == 20 * 10
    assert np.unique(far.points[:, 2]).tolist() == [-7]


def test_a_small_map_is_not_made_into_stairs() -> None:
    slope = np.tile(np.linspace(1, 2, 32), (24, 1))
    mesh = build_mesh(np.zeros((480, 640, 3), np.uint8), wall(slope), MeshOptions(refine=False))
    assert len(mesh.points) == 32 * 24


@pytest.mark.parametrize("shape", [(24, 32), (20, 32), (24, 20), (30, 31)])
def test_every_reading_of_a_small_map_is_a_point_whatever_its_shape(
    shape: tuple[int, int],
) -> None:
    """Networks' maps seldom have the photo's shape."""
    values = np.random.default_rng(0).permutation(shape[0] * shape[1]).reshape(shape) / 1e3 + 5
    mesh = build_mesh(
        np.zeros((480, 640, 3), np.uint8), wall(values), MeshOptions(refine=False), every_point=True
    )
    assert np.array_equal(np.sort(-mesh.points[:, 2]), np.sort(values.astype("f4").ravel()))


@pytest.mark.parametrize("scale", [1, 100])
def test_refining_leaves_what_is_far_where_something_is_infinite(scale: float) -> None:
    """And puts nothing between the farthest reading and infinity."""
    values = np.tile(np.linspace(2, 32, 160), (120, 1)) * scale
    values[:20] = np.inf
    photo = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    refined = refined_distances(photo, wall(values), 4)
    assert np.isfinite(refined[30:]).mean() > 0.95
    assert np.isfinite(refined).sum() <= np.isfinite(values).sum()
    assert np.nanmax(refined) <= values[-1].max() * (1 + 1e-4)


def test_refining_leaves_what_is_no_edge_as_it_is() -> None:
    values = np.tile(np.linspace(2, 3, 160), (120, 1))
    values[:, 80:] += 5
    photo = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    refined = refined_distances(photo, wall(values), 4)
    assert np.array_equal(refined[:, :60], values.astype(np.float32)[:, :60])
    assert np.array_equal(refined[:, 100:], values.astype(np.float32)[:, 100:])


def test_relative_inverse_depth_becomes_distances_from_1_to_the_far_ratio() -> None:
    relative = distances(inverse_depth(np.array([[3, 4, 5]])), 4)
    np.testing.assert_allclose(relative, np.array([[4, 1.6, 1]]), rtol=1e-5)


def test_relative_depth_is_linear_in_distance() -> None:
    depth = DepthMap(np.array([[9, 8, 7]], np.float32), DepthKind.RELATIVE_DEPTH, "test")
    np.testing.assert_allclose(distances(depth, 4), np.array([[4, 2.5, 1]]), rtol=1e-5)


def test_the_camera_sees_its_field_of_view_across_the_longer_side() -> None:
    for width, height in ((120, 90), (90, 120)):
        camera = camera_of_fov(width, height, 65)
        assert camera.fov(width, height) == pytest.approx(65)
        right, up = camera.rays(centres(width), centres(height))
        points = unproject(np.full((height, width), 2, np.float32), right, up)
        assert points[0, 0, 0] < 0 < points[0, 0, 1]
        np.testing.assert_allclose(points[..., 2], -2)
        reach = max(points[height // 2, -1, 0], points[0, width // 2, 1])
        assert math.degrees(math.atan(reach / 2)) == pytest.approx(65 / 2, abs=0.3)


def test_points_of_known_intrinsics_are_where_opencv_says() -> None:
    """X = (u - cx) / fx * Z, with whole numbers at the pixels' centres."""
    fx, fy, cx, cy = 100.0, 120.0, 30.0, 22.0
    camera = camera_of_intrinsics((fx, fy, cx, cy), 80, 60)
    points = unproject(np.full((60, 80), 2, np.float32), *camera.rays(centres(80), centres(60)))
    assert points[22, 30].tolist() == pytest.approx([0, 0, -2])
    assert points[10, 50].tolist() == pytest.approx([20 / fx * 2, 12 / fy * 2, -2])


@pytest.mark.parametrize(("millimetres", "degrees"), [(24, 73.7), (85, 23.9)])
def test_a_focal_length_on_film_is_a_field_of_view(millimetres: float, degrees: float) -> None:
    assert fov_of_focal_length(millimetres) == pytest.approx(degrees, abs=0.05)


@pytest.mark.parametrize("millimetres", [0, -24, math.nan, 1e-9, 1e9])
def test_a_focal_length_that_cannot_be_is_none(millimetres: float) -> None:
    assert fov_of_focal_length(millimetres) is None


@pytest.mark.parametrize(
    "intrinsics",
    [
        (0, 100, 40, 30),
        (100, -1, 40, 30),
        (math.nan, 100, 40, 30),
        (100, math.inf, 40, 30),
        (100, 100, 320, 240),
        (100, 100, 40, math.nan),
        (0.1, 0.1, 40, 30),
        (1e6, 1e6, 40, 30),
    ],
)
def test_intrinsics_of_another_photo_are_refused(
    intrinsics: tuple[float, float, float, float],
) -> None:
    with pytest.raises(InvalidParameter, match="intrinsics"):
        camera_of_intrinsics(intrinsics, 80, 60)
