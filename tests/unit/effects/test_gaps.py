"""What has no reading changes nothing around it, and stays without one in every effect's files."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image

from service.effects.catalog import EFFECTS
from service.effects.record import Source
from service.imaging.decode import Photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap, filled
from service.imaging.transforms import Interpolation
from tests.support.photos import photo_pixels

PIXELS = photo_pixels("astronaut.png")[:96, :128]
# In the subject, and across its edge.
GAPS = (np.s_[56:66, 56:66], np.s_[70:80, 84:94])
BEYOND = np.s_[:6, :]
_UNITS_PER_METRE = {"stl": 1000}
_WEBM_CLUSTER = b"\x1f\x43\xb6\x75"


def make(name: str, values: np.ndarray, **options: Any) -> bytes:
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, UPLOADED, Interpolation.NEAREST)
    effect = EFFECTS[name]
    return effect.make(Source(Photo(PIXELS, 128, 96), depth), effect.options(**options))


def room() -> np.ndarray:
    """A wall and something before it; what is at the top is beyond reach."""
    values = np.full((96, 128), 4.9, np.float32)
    values[24:, 40:90] = 2.1
    values[BEYOND] = np.inf
    return values


def with_gaps(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    for gap in GAPS:
        values[gap] = np.nan
    return values


def points_of(file: bytes, kind: str) -> np.ndarray:
    scene: Any = trimesh.load_scene(io.BytesIO(file), file_type=kind)
    [points] = scene.geometry.values()
    return np.asarray(points.vertices)


def rows_and_columns(points: np.ndarray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels that points lie in, by the default camera."""
    focal = 64 / np.tan(np.radians(65) / 2)
    column = points[:, 0] / -points[:, 2] * focal + 63.5
    row = points[:, 1] / points[:, 2] * focal + 47.5
    return np.rint(row).astype(int), np.rint(column).astype(int)


def has_no_point(kind: str, holed: bytes, whole: bytes) -> None:
    """Neither a gap nor what is beyond reach is a point; the others are where they were."""
    known = np.isfinite(with_gaps(room()))
    points = points_of(holed, kind) / _UNITS_PER_METRE.get(kind, 1)
    rows, columns = rows_and_columns(points)
    assert known[rows, columns].all()
    np.testing.assert_allclose(-points[:, 2], room()[rows, columns], rtol=1e-6)
    if kind == "ply":
        assert len(points) == known.sum()
    else:
        assert len(points_of(whole, kind)) > len(points) > 0.9 * known.sum()


def is_zero_in_gaps(holed: bytes, whole: bytes) -> None:
    shown, right = (np.asarray(Image.open(io.BytesIO(file))).astype(int) for file in (holed, whole))
    gone = ~np.isfinite(with_gaps(room())) & np.isfinite(room())
    assert (shown[gone] == 0).all()
    assert (right[gone] != 0).any(axis=-1).all()
    assert (shown[~gone].reshape((~gone).sum(), -1) != 0).any(axis=-1).all()
    # Beyond reach is a reading: as far as anything.
    assert np.array_equal(shown[:4], right[:4])


def is_base_in_gaps(holed: bytes, whole: bytes) -> None:
    """A plate has no holes: where nothing is known it is as thin as it gets."""
    plates: list[Any] = [trimesh.load(io.BytesIO(file), file_type="stl") for file in (holed, whole)]
    assert all(plate.is_watertight for plate in plates)
    assert plates[0].volume < plates[1].volume
    assert np.array_equal(plates[0].extents, plates[1].extents)


def is_drawn_as_what_is_nearest(holed: bytes, nearest: bytes) -> None:
    """A picture needs a colour everywhere: the photo's own, moved or blurred as its neighbour."""
    # A WebM's header has a random number.
    assert holed.split(_WEBM_CLUSTER)[-1] == nearest.split(_WEBM_CLUSTER)[-1]


def counts_no_gap(holed: bytes, whole: bytes) -> None:
    near = (with_gaps(room()) <= 2.5).mean()
    assert json.loads(holed)["near_share"] == pytest.approx(near)
    assert json.loads(whole)["near_share"] > near


def tints_no_gap(holed: bytes, whole: bytes) -> None:
    inside = np.s_[59:63, 59:63]
    shown, tinted = (np.asarray(Image.open(io.BytesIO(file))) for file in (holed, whole))
    assert np.array_equal(shown[inside], PIXELS[inside])
    assert not np.array_equal(tinted[inside], PIXELS[inside])


_SHOWN: dict[str, dict[str, Callable[[bytes, bytes], None]]] = {
    "obstacle": {"json": counts_no_gap, "png": tints_no_gap},
    "pointcloud": {kind: functools.partial(has_no_point, kind) for kind in ("ply", "glb", "stl")},
    "relief": {
        **dict.fromkeys(("shaded", "normals", "height16"), is_zero_in_gaps),
        "stl": is_base_in_gaps,
    },
}
_DRAWN = ("portrait", "parallax", "stereo")
_QUICK: dict[str, dict[str, Any]] = {"parallax": {"frames": 2}}


@pytest.mark.parametrize(
    ("name", "format"), [(name, str(key)) for name in EFFECTS for key in EFFECTS[name].media_types]
)
def test_a_gap_in_every_format_of_every_effect(name: str, format: str) -> None:
    options = {"format": format, **_QUICK.get(name, {})}
    holed = with_gaps(room())
    if name in _DRAWN:
        right = filled(holed, ~np.isnan(holed))
        check: Callable[[bytes, bytes], None] = is_drawn_as_what_is_nearest
    else:
        right, check = room(), _SHOWN[name][format]
    check(make(name, holed, **options), make(name, right, **options))


@pytest.mark.parametrize("place", [(60, 60), (10, 10)], ids=["subject", "background"])
@pytest.mark.parametrize("format", ["shaded", "normals", "height16"])
def test_a_relief_around_a_gap_is_the_relief_without(place: tuple[int, int], format: str) -> None:
    holed = room()
    holed[place] = np.nan
    shown, right = (
        np.array(Image.open(io.BytesIO(make("relief", values, format=format))))
        for values in (holed, room())
    )
    assert not shown[place].any()
    assert right[place].all()
    shown[place] = right[place]
    assert np.array_equal(shown, right)


def test_a_gap_of_a_small_map_is_as_large_in_a_large_relief() -> None:
    """Enlarged, a gap is its pixels; reduced, what is at least half known is known."""
    for height, width in ((24, 32), (384, 512)):
        values = np.full((height, width), 2.0, np.float32)
        values[:, : width // 4] = np.nan
        shown = np.asarray(Image.open(io.BytesIO(make("relief", values, format="height16"))))
        assert shown.shape == (96, 128)
        assert (shown[:, :32] == 0).all()
        assert (shown[:, 32:] > 0).all()
