from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import trimesh

from service.geometry.plaque import encode_plaque
from service.imaging import strips


def opened(height: np.ndarray, pitch: float) -> Any:
    """As a slicer reads it: points of one place are one."""
    return trimesh.load(io.BytesIO(encode_plaque(height, pitch)), file_type="stl")


@pytest.mark.parametrize("strip_pixels", [1000, 1 << 19])
@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (7, 2), (60, 80), (200, 170)], ids=str)
def test_a_plate_is_a_solid_of_the_size_asked_for(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], strip_pixels: int
) -> None:
    """In one strip of rows or in several."""
    monkeypatch.setattr(strips, "_STRIP_PIXELS", strip_pixels)
    height = np.random.default_rng(1).uniform(2, 10, shape).astype(np.float32)
    plate = opened(height, 0.5)
    assert plate.is_watertight
    assert plate.is_winding_consistent
    assert plate.euler_number == 2
    rows, columns = shape
    np.testing.assert_allclose(plate.bounds[0], 0)
    top = (columns - 1) * 0.5, (rows - 1) * 0.5, height.max()
    np.testing.assert_allclose(plate.bounds[1], top, rtol=1e-6)
    # Each cell is two prisms below three of its corners.
    corners = height[1:, :-1], height[:-1, 1:], (height[:-1, :-1] + height[1:, 1:]) / 2
    expected = sum(corner.sum(dtype=np.float64) for corner in corners) * 0.5**2 / 3
    assert plate.volume == pytest.approx(expected, rel=1e-5)


def test_it_is_the_right_way_up_and_faces_the_viewer() -> None:
    height = np.full((4, 6), 1, np.float32)
    height[0, 0] = 3  # the photo's top left
    plate = opened(height, 1.0)
    peak = plate.vertices[plate.vertices[:, 2].argmax()]
    assert peak.tolist() == [0, 3, 3]
    above = plate.face_normals[(plate.triangles[:, :, 2] >= 1).all(axis=1)]
    assert (above[:, 2] > 0).any()
    below = plate.face_normals[(plate.triangles[:, :, 2] == 0).all(axis=1)]
    assert np.allclose(below, [0, 0, -1])


def test_normals_are_written_and_it_is_not_taken_for_text() -> None:
    file = encode_plaque(np.full((3, 3), 2, np.float32), 1.0)
    assert not file.startswith(b"solid")
    assert np.frombuffer(file, "<f4", 3, offset=84).tolist() == [0, 0, 1]
