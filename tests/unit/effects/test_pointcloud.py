from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import trimesh

from service.effects.pointcloud import encode_glb, encode_ply, encode_stl
from service.errors import InvalidParameter
from service.geometry.mesh import MeshOptions, build_mesh
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import Interpolation
from tests.support.depths import inverse_depth, motorcycle_inverse, motorcycle_metres, step
from tests.support.photos import photo_pixels

METRIC = DepthKind.METRIC_DEPTH
ASTRONAUT = photo_pixels("astronaut.png")
GENTLE = inverse_depth(np.add.outer(np.linspace(0, 1, 64), np.linspace(0, 0.5, 64)))


def load_glb(data: bytes) -> Any:
    scene: Any = trimesh.load(io.BytesIO(data), file_type="glb")
    (mesh,) = scene.geometry.values()
    return mesh


def test_a_glb_of_a_smooth_surface_is_one_whole_textured_grid() -> None:
    mesh = load_glb(encode_glb(ASTRONAUT, GENTLE, MeshOptions(max_side=100, refine=False)))
    assert mesh.vertices.shape == (100 * 100, 3)
    assert mesh.faces.shape == (2 * 99 * 99, 3)
    assert np.isfinite(mesh.vertices).all()
    assert mesh.area_faces.min() > 0
    assert mesh.body_count == 1
    assert mesh.is_winding_consistent
    picture = mesh.visual.material.baseColorTexture
    assert picture.size == (512, 512)
    difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - ASTRONAUT)
    assert difference.mean() < 3


def test_every_edge_of_a_mesh_belongs_to_at_most_two_triangles() -> None:
    mesh = load_glb(
        encode_glb(photo_pixels("motorcycle_left.png"), motorcycle_inverse(), MeshOptions())
    )
    _, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    assert counts.max() <= 2
    assert mesh.area_faces.min() > 0


def test_triangles_face_the_camera() -> None:
    mesh = build_mesh(ASTRONAUT, GENTLE, MeshOptions(max_side=64))
    first, second, third = (mesh.points[mesh.triangles[:, corner]] for corner in range(3))
    normals = np.cross(second - first, third - first)
    assert (np.einsum("nc,nc->n", normals, -first) > 0).all()


def test_texture_places_show_each_point_its_own_colour() -> None:
    mesh = build_mesh(ASTRONAUT, GENTLE, MeshOptions(max_side=512))
    column, row = (mesh.places * 512).astype(int).T
    assert np.array_equal(ASTRONAUT[row, column], mesh.colours)


def test_a_depth_jump_is_cut_clean_into_two_parts() -> None:
    mesh = load_glb(encode_glb(np.zeros((120, 160, 3), np.uint8), step(), MeshOptions()))
    assert mesh.body_count == 2
    assert np.unique(mesh.vertices[:, 2].round(3)).tolist() == [-4.0, -1.0]
    assert len(mesh.vertices) == 120 * 160


def test_a_wider_edge_angle_keeps_the_jump_joined() -> None:
    shallow = DepthMap(step().values + 9, METRIC, "test")
    pixels = np.zeros((120, 160, 3), np.uint8)
    joined = load_glb(encode_glb(pixels, shallow, MeshOptions(edge=89.9)))
    cut = load_glb(encode_glb(pixels, shallow, MeshOptions(edge=60)))
    assert (joined.body_count, cut.body_count) == (1, 2)


@pytest.mark.parametrize("towards", [(1, 0), (0, 1), (1, 1), (1, -1)])
@pytest.mark.parametrize("max_side", [160, 100])
def test_a_slant_is_the_same_in_every_direction_and_however_points_are_spread(
    towards: tuple[int, int], max_side: int
) -> None:
    """A narrow view, so that all lines of sight are alike; 100 points take uneven steps."""
    options = MeshOptions(max_side=max_side, intrinsics="5000,5000,79.5,79.5")
    across, down = np.meshgrid(np.arange(160), np.arange(160))
    slope = np.tan(np.radians(75)) / 5000 / np.hypot(*towards)
    receding = np.exp(slope * (towards[0] * across + towards[1] * down)).astype(np.float32)
    depth = DepthMap(receding, METRIC, "uploaded", Interpolation.NEAREST)
    pixels = np.zeros((160, 160, 3), np.uint8)
    whole, cut = (
        build_mesh(pixels, depth, options.model_copy(update={"edge": edge})) for edge in (76, 74)
    )
    assert len(whole.triangles) == 2 * (max_side - 1) ** 2
    assert not len(cut.triangles)


def test_a_ply_holds_the_points_with_their_colours() -> None:
    cloud: Any = trimesh.load(
        io.BytesIO(encode_ply(ASTRONAUT, GENTLE, MeshOptions())), file_type="ply"
    )
    assert isinstance(cloud, trimesh.PointCloud)
    assert cloud.vertices.shape == (512 * 512, 3)
    assert np.isfinite(cloud.vertices).all()
    assert np.array_equal(cloud.colors[:, :3], ASTRONAUT.reshape(-1, 3))
    assert cloud.vertices[:, 2].max() == pytest.approx(-1, rel=0.02)
    assert cloud.vertices[:, 2].min() == pytest.approx(-4, rel=0.02)


def test_metric_depth_gives_points_in_metres_and_says_so() -> None:
    metres = motorcycle_metres()
    depth = DepthMap(np.nan_to_num(metres, nan=6).astype(np.float32), METRIC, "test")
    photo, options = photo_pixels("motorcycle_left.png"), MeshOptions(max_side=741)
    mesh = build_mesh(photo, depth, options)
    column, row = (mesh.places * [741, 500]).astype(int).T
    error = np.abs(-mesh.points[:, 2] / metres[row, column] - 1)
    assert np.nanmedian(error) < 0.02
    assert b"units: metres" in encode_ply(photo, depth, options)[:200]
    assert b"nearest point" in encode_ply(ASTRONAUT, GENTLE, MeshOptions())[:200]


def test_an_stl_is_the_glbs_surface_in_millimetres() -> None:
    solid: Any = trimesh.load(
        io.BytesIO(encode_stl(ASTRONAUT, GENTLE, MeshOptions(max_side=64))), file_type="stl"
    )
    surface = load_glb(encode_glb(ASTRONAUT, GENTLE, MeshOptions(max_side=64)))
    assert len(solid.faces) == len(surface.faces) > 7000
    assert solid.area == pytest.approx(surface.area * 1000**2, rel=1e-5)
    np.testing.assert_allclose(solid.bounds, surface.bounds * 1000, rtol=1e-6)
    assert (solid.face_normals[:, 2] > 0).mean() > 0.9


def test_facets_far_away_have_normals() -> None:
    depth = DepthMap(np.full((8, 8), 1e12, np.float32), METRIC, "uploaded", Interpolation.NEAREST)
    file = encode_stl(ASTRONAUT[:64, :64], depth, MeshOptions())
    normals = np.frombuffer(file[84:], np.dtype([("normal", "<f4", 3), ("", "V38")]))["normal"]
    np.testing.assert_allclose(normals, np.broadcast_to([0, 0, 1], normals.shape), atol=1e-5)


def test_the_glb_is_as_long_as_it_says_and_aligned() -> None:
    data = encode_glb(ASTRONAUT[:37, :53], GENTLE, MeshOptions(max_side=31))
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    assert len(data) % 4 == 0


def test_sizes_are_bounded() -> None:
    mesh = build_mesh(ASTRONAUT, GENTLE, MeshOptions(max_side=16))
    assert len(mesh.points) == 256
    small = load_glb(encode_glb(ASTRONAUT, GENTLE, MeshOptions(max_side=16, texture_side=64)))
    assert small.visual.material.baseColorTexture.size == (64, 64)


def test_a_photo_of_one_row_has_no_surface_and_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="raise max_side"):
        encode_ply(ASTRONAUT[:1], GENTLE, MeshOptions())
