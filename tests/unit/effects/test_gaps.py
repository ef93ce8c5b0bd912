"""A sensor's gap changes nothing of what is around it, whatever is made of the map."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import trimesh

from service.effects.catalog import EFFECTS
from service.effects.record import Source
from service.imaging.decode import Photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap
from service.imaging.transforms import Interpolation
from tests.support.photos import photo_pixels

PIXELS = photo_pixels("astronaut.png")[:96, :128]


def source(values: np.ndarray) -> Source:
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, UPLOADED, Interpolation.NEAREST)
    return Source(Photo(PIXELS, 128, 96), depth)


def room() -> np.ndarray:
    values = np.full((96, 128), 4.9, np.float32)
    values[24:, 40:90] = 2.1
    return values


def points_of(ply: bytes) -> np.ndarray:
    cloud: Any = trimesh.load(io.BytesIO(ply), file_type="ply")
    return np.asarray(cloud.vertices)


@pytest.mark.parametrize("name", ["portrait", "stereo", "relief", "parallax"])
@pytest.mark.parametrize("place", [(60, 60), (10, 10)], ids=["subject", "background"])
def test_a_picture_with_a_gap_is_the_picture_without(name: str, place: tuple[int, int]) -> None:
    effect = EFFECTS[name]
    exact: dict[str, dict[str, Any]] = {"parallax": {"frames": 2}, "relief": {}}
    options = effect.options(**exact.get(name, {"format": "png"}))
    holed = room()
    holed[place] = np.nan
    assert effect.make(source(holed), options) == effect.make(source(room()), options)


def test_a_cloud_lacks_the_gap_alone() -> None:
    effect = EFFECTS["pointcloud"]
    holed = room()
    holed[60, 60] = np.nan
    whole, lacking = (
        points_of(effect.make(source(values), effect.options())) for values in (room(), holed)
    )
    assert len(whole) == 96 * 128
    assert np.array_equal(np.delete(whole, 60 * 128 + 60, axis=0), lacking)


def test_an_alarm_counts_no_gap() -> None:
    effect = EFFECTS["obstacle"]
    gone = room()
    gone[24:, 40:90] = np.nan
    assert b'"alarm":true' in effect.make(source(room()), effect.options())
    assert b'"alarm":false' in effect.make(source(gone), effect.options())
