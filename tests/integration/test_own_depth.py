"""Maps that the service made, sent back beside their photo, mean what they meant."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.effects.catalog import EFFECTS
from service.imaging.formats import FORMATS, OutputFormat
from tests.support.effects import COFFEE, SMALL, depth_file, npy, picture, post_effect
from tests.support.photos import as_bytes, photo_bytes, photo_pixels
from tests.support.server import ServerProcess


@pytest.mark.parametrize("name", EFFECTS)
def test_depth_computed_earlier_gives_the_same_result(server: ServerProcess, name: str) -> None:
    depth = depth_file(server, COFFEE, format="npy", size="network")
    computed = post_effect(server, name, COFFEE, None, **SMALL.get(name, {}))
    inferences = server.metric("depth_stage_seconds_count", stage="inference")
    uploaded = post_effect(server, name, COFFEE, depth, **SMALL.get(name, {}))
    assert uploaded.status_code == 200, uploaded.text
    assert uploaded.content == computed.content
    assert uploaded.headers["x-depth-model"] == "uploaded"
    assert "x-batch-size" not in uploaded.headers
    assert server.metric("depth_stage_seconds_count", stage="inference") == inferences


# Their networks' sizes are not of the photo's shape, by more than 2%.
CHELSEA = photo_bytes("chelsea.png")


OF_ONE_SIZE = {"usual": {}, "detail": {"detail": "high"}, "fast": {"quality": "fast"}}


READABLE = [
    format
    for format, record in FORMATS.items()
    if record.is_available
    and format not in (OutputFormat.HEATMAP, OutputFormat.JSON, OutputFormat.ROS)
]


@pytest.mark.parametrize("query", OF_ONE_SIZE.values(), ids=OF_ONE_SIZE)
@pytest.mark.parametrize("format", READABLE)
def test_a_map_of_the_networks_size_is_taken_back_in_every_format(
    server: ServerProcess, format: OutputFormat, query: dict[str, str]
) -> None:
    if FORMATS[format].metric_only:
        query = query | {"anchors": "0.5,0.9,.6;0.5,0.1,2"}
    depth = depth_file(server, CHELSEA, format=format, size="network", **query)
    answer = post_effect(server, "pointcloud", CHELSEA, depth)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("size", ["network", "original"])
@pytest.mark.parametrize(
    "format", [one for one in READABLE if one is not OutputFormat.NPY], ids=str
)
def test_what_cannot_be_told_of_a_photo_cannot_of_its_own_metres(
    server: ServerProcess, format: OutputFormat, size: str
) -> None:
    """An NPY alone does not say whose it is."""
    gravel = photo_bytes("gravel.png")
    fit = {"calibration": "0.05,0.4"}
    direct = post_effect(server, "obstacle", gravel, None, threshold_metres=20, **fit).json()
    assert (direct["alarm"], direct["confidence"]) == (None, "low")
    own = depth_file(server, gravel, format=format, size=size, **fit)
    answer = post_effect(server, "obstacle", gravel, own, threshold_metres=20).json()
    assert (answer["alarm"], answer["reason"]) == (None, direct["reason"])


def test_a_photo_of_two_pixels_beyond_reach_is_told_in_numbers(server: ServerProcess) -> None:
    photo = as_bytes(Image.fromarray(photo_pixels("coffee.png")[:2, :2]))
    answer = server.client.post("/v1/depth?format=tiff&calibration=-0.6,1", files={"image": photo})
    assert float(answer.headers["x-depth-min"]) <= float(answer.headers["x-depth-max"]) == 1000
    assert post_effect(server, "obstacle", photo, answer.content).status_code == 200


def test_a_map_of_another_quality_is_that_networks(server: ServerProcess) -> None:
    depth = depth_file(server, CHELSEA, format="npy", size="network", quality="fast")
    uploaded = post_effect(server, "pointcloud", CHELSEA, depth)
    computed = post_effect(server, "pointcloud", CHELSEA, None, quality="fast")
    assert uploaded.content == computed.content


def test_a_map_in_metres_is_read_as_such_when_it_is_said(server: ServerProcess) -> None:
    """In metres near is small: read as inverse depth, the background would be what is sharp."""
    relative, metres = (
        depth_file(server, COFFEE, format="npy", size="network", **query)
        for query in ({}, {"anchors": "0.5,0.9,.6;0.5,0.1,2"})
    )
    by_relative, by_metres, misread = (
        picture(post_effect(server, "relief", COFFEE, depth, format="normals", **query).content)
        for depth, query in (
            (relative, {}),
            (metres, {"depth_kind": "metric_depth"}),
            (npy(np.fmin(np.load(io.BytesIO(metres)), 1000)), {}),
        )
    )
    tilt = [np.asarray(normals)[..., 1].astype(float) for normals in (by_relative, by_metres)]
    backwards = np.asarray(misread)[..., 1].astype(float)
    assert np.corrcoef(tilt[0].ravel(), tilt[1].ravel())[0, 1] > 0
    assert np.corrcoef(tilt[0].ravel(), backwards.ravel())[0, 1] < 0


@pytest.mark.parametrize("format", ["depth16", "npy"])
def test_depth_of_the_photos_size_gives_nearly_the_same(server: ServerProcess, format: str) -> None:
    depth = depth_file(server, COFFEE, format=format)
    computed, uploaded = (
        np.asarray(picture(post_effect(server, "relief", COFFEE, given, smooth=0.02).content))
        for given in (None, depth)
    )
    assert np.abs(computed.astype(int) - uploaded.astype(int)).mean() < 4
