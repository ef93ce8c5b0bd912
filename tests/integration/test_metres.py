"""A number means the same on every way through the service: one photo, one fit, one map."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import ExifTags, Image

from tests.support.depths import motorcycle_metres
from tests.support.effects import depth_file, npy, post_effect
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess

COFFEE = photo_bytes("coffee.png")  # 600 x 400
MOTORCYCLE = photo_bytes("motorcycle_left.png")  # 741 x 500
# The cup's rim and the table behind it; the background is then beyond what can be told.
CUP = (0.4475, 0.9988, 0.30)
ANCHORS = "0.4475,0.9988,0.30;0.4608,0.3463,0.42"
# The cup's far rim farther away than it is, so that what is behind it is beyond any distance.
HORIZON = "0.4475,0.9988,0.30;0.4608,0.3463,0.60"
METRIC = {"depth_kind": "metric_depth"}
WHOLE: dict[str, Any] = {"max_side": 2048, "refine": False}


def metres(server: ServerProcess, photo: bytes, **query: str) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.load(
        io.BytesIO(depth_file(server, photo, format="npy", **query))
    )
    return values


def cloud(
    server: ServerProcess, photo: bytes, depth: bytes | None = None, **query: Any
) -> NDArray[np.float64]:
    answer = post_effect(server, "pointcloud", photo, depth, **query)
    assert answer.status_code == 200, answer.text
    return points_of(answer.content)


def points_of(ply: bytes) -> NDArray[np.float64]:
    loaded: Any = trimesh.load(io.BytesIO(ply), file_type="ply")
    return np.asarray(loaded.vertices, np.float64)


def seen_at(points: NDArray[np.float64], width: int, height: int, fov: float = 65) -> Any:
    """Columns and rows of the pixels that points lie in, by the default camera."""
    focal = max(width, height) / 2 / np.tan(np.radians(fov) / 2)
    column = points[:, 0] / -points[:, 2] * focal + (width - 1) / 2
    row = -points[:, 1] / -points[:, 2] * focal + (height - 1) / 2
    return np.rint(column).astype(int), np.rint(row).astype(int)


@pytest.mark.parametrize("max_side", [600, 512, 100])
def test_a_cloud_is_the_metre_map_point_by_point(server: ServerProcess, max_side: int) -> None:
    truth = metres(server, COFFEE, anchors=ANCHORS)
    points = cloud(server, COFFEE, anchors=ANCHORS, max_side=max_side, refine=False)
    column, row = seen_at(points, 600, 400)
    np.testing.assert_allclose(-points[:, 2] / truth[row, column], 1, atol=1e-4)


def test_the_cup_is_at_30_centimetres_to_the_micrometre(server: ServerProcess) -> None:
    """A point's depth is the median of 5x5 pixels of the network's own map, where it was fitted."""
    truth = metres(server, COFFEE, anchors=ANCHORS, size="network")
    height, width = truth.shape
    for anchor in ANCHORS.split(";"):
        x, y, told = map(float, anchor.split(","))
        column, row = round(x * (width - 1)), round(y * (height - 1))
        around = truth[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        assert np.median(around) == pytest.approx(told, abs=1e-6)


def test_the_cup_is_at_30_centimetres_and_nothing_at_the_limit(server: ServerProcess) -> None:
    truth = metres(server, COFFEE, anchors=HORIZON)
    x, y = round(CUP[0] * 599), round(CUP[1] * 399)
    # The anchor is the median of the network's pixels around it, 5x5 of which are 9x9 of these.
    around = truth[y - 4 : y + 5, x - 4 : x + 5]
    assert np.median(around) == pytest.approx(0.30, abs=1e-3)
    assert np.isinf(truth).any()
    points = cloud(server, COFFEE, anchors=HORIZON, max_side=600)
    column, row = seen_at(points, 600, 400)
    cup = points[(np.abs(column - x) <= 4) & (np.abs(row - y) <= 4)]
    # Fewer than pixels: the rim is where the cloud is cut.
    assert around.size / 2 < len(cup) <= around.size
    assert np.median(-cup[:, 2]) == pytest.approx(0.30, abs=1e-3)
    assert -points[:, 2].min() < 1000
    ratio = -points[:, 2] / truth[row, column]
    assert np.median(ratio) == pytest.approx(1, abs=1e-4)


def test_the_same_anchors_give_the_same_fit_on_every_route(server: ServerProcess) -> None:
    large = as_bytes(Image.open(io.BytesIO(COFFEE)).resize((2400, 1600)), "JPEG")
    routes: list[tuple[str, dict[str, Any]]] = [
        ("/v1/depth", {}),
        ("/v1/depth", {"format": "json"}),
        *((f"/v1/effects/{name}", {}) for name in ("obstacle", "pointcloud", "relief")),
        ("/v1/effects/obstacle", {"format": "png"}),
        ("/v1/effects/portrait", {"max_side": 64}),
    ]
    answers = [
        server.client.post(path, params={"anchors": ANCHORS} | query, files={"image": large})
        for path, query in routes
    ]
    fits = {answer.headers["x-depth-calibration"] for answer in answers}
    assert len(fits) == 1


def test_what_was_downloaded_as_16_bits_is_read_as_what_it_is(server: ServerProcess) -> None:
    truth = metres(server, COFFEE, anchors=ANCHORS)
    finite = truth[np.isfinite(truth)]
    written = depth_file(server, COFFEE, format="depth16", anchors=ANCHORS)
    level = (1000 - finite.min()) / 65535
    for query in (METRIC, {}):
        points = cloud(server, COFFEE, written, **WHOLE, **query)
        column, row = seen_at(points, 600, 400)
        assert np.abs(-points[:, 2] - truth[row, column]).max() <= 0.51 * level
    relative = depth_file(server, COFFEE, format="depth16")
    fit = post_effect(server, "obstacle", COFFEE, anchors=ANCHORS).headers["x-depth-calibration"]
    by_fit = cloud(server, COFFEE, relative, calibration=fit, far=2, **WHOLE)
    column, row = seen_at(by_fit, 600, 400)
    # A level of inverse depth is a thousandth of the distance at 2 m.
    np.testing.assert_allclose(-by_fit[:, 2] / truth[row, column], 1, atol=2e-3)


@pytest.mark.parametrize("scale", [1, 1000])
def test_depth_of_a_sensor_stays_as_it_is(server: ServerProcess, scale: int) -> None:
    truth = motorcycle_metres().astype(np.float32)
    if scale == 1:
        sent, query = npy(truth), METRIC
    else:
        truth = (np.rint(truth * 1000) / 1000).astype(np.float32)
        levels = np.nan_to_num(truth * 1000).round().astype(np.uint16)
        sent, query = as_bytes(Image.fromarray(levels)), METRIC | {"depth_scale": "1000"}
    points = cloud(server, MOTORCYCLE, sent, max_side=741, **query)
    column, row = seen_at(points, 741, 500)
    np.testing.assert_allclose(-points[:, 2] / truth[row, column], 1, atol=1e-4)
    assert len(points) == np.isfinite(truth).sum()


def test_millimetres_without_a_scale_are_asked_about(server: ServerProcess) -> None:
    levels = np.nan_to_num(motorcycle_metres() * 1000).astype(np.uint16)
    answer = post_effect(
        server, "pointcloud", MOTORCYCLE, as_bytes(Image.fromarray(levels)), **METRIC
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert "depth_scale" in answer.json()["detail"]
    assert "1000" in answer.json()["detail"]


def with_focal_length(millimetres: int) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = millimetres
    buffer = io.BytesIO()
    Image.open(io.BytesIO(COFFEE)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(("millimetres", "degrees"), [(24, 73.74), (85, 23.91)])
def test_the_focal_length_of_a_photo_is_its_field_of_view(
    server: ServerProcess, millimetres: int, degrees: float
) -> None:
    photo = with_focal_length(millimetres)
    answer = post_effect(server, "pointcloud", photo, max_side=64)
    source, fov, *_ = answer.headers["x-depth-camera"].split("; ")
    assert source == "exif"
    assert float(fov.removeprefix("fov=")) == pytest.approx(degrees, abs=0.01)
    points = points_of(answer.content)
    reach = np.degrees(2 * np.arctan(np.abs(points[:, 0] / points[:, 2]).max()))
    assert reach == pytest.approx(degrees, rel=0.03)
    by_fov = post_effect(server, "pointcloud", photo, max_side=64, fov=65)
    assert by_fov.headers["x-depth-camera"].startswith("fov; fov=65;")


def test_a_photo_that_tells_nothing_is_taken_for_a_phones(server: ServerProcess) -> None:
    answer = post_effect(server, "relief", COFFEE, max_side=64)
    assert answer.headers["x-depth-camera"].startswith("default; fov=65;")


def test_points_of_known_intrinsics_lie_where_they_do(server: ServerProcess) -> None:
    """X = (u - cx) Z / fx, as OpenCV and ROS have it; y down."""
    fx, fy, cx, cy = 994.978, 990.0, 311.193, 254.877
    truth = motorcycle_metres()
    query = METRIC | {"intrinsics": f"{fx},{fy},{cx},{cy}", "max_side": "741"}
    points = cloud(server, MOTORCYCLE, npy(truth), **query)
    column = points[:, 0] / -points[:, 2] * fx + cx
    row = -points[:, 1] / -points[:, 2] * fy + cy
    assert np.abs(column - np.rint(column)).max() < 1e-3
    assert np.abs(row - np.rint(row)).max() < 1e-3
    seen = truth[np.rint(row).astype(int), np.rint(column).astype(int)]
    np.testing.assert_allclose(-points[:, 2] / seen, 1, atol=1e-4)


def test_limits_leave_out_what_lies_beyond(server: ServerProcess) -> None:
    points = cloud(server, MOTORCYCLE, npy(motorcycle_metres()), near=2.5, far=4, **METRIC)
    assert 2.5 <= -points[:, 2].max() < 2.6
    assert 3.9 < -points[:, 2].min() <= 4


@pytest.mark.parametrize("kind", ["relative_depth", "relative_inverse_depth"])
def test_what_relative_depth_does_not_tell_is_said_wherever_shapes_are_made_of_it(
    server: ServerProcess, kind: str
) -> None:
    sent = npy(np.linspace(1, 5, 2400, dtype=np.float32).reshape(40, 60))

    def made(name: str, **query: Any) -> Any:
        return post_effect(server, name, COFFEE, sent, depth_kind=kind, max_side=64, **query)

    answers = [made("pointcloud", far_ratio=6), made("pointcloud", format="glb"), made("relief")]
    for answer in answers:
        assert "scale and shift are unknown" in answer.headers["x-depth-note"]
    assert b"scale and shift are unknown" in answers[0].content.partition(b"end_header")[0]
    assert b"6 times the nearest" in answers[0].content.partition(b"end_header")[0]
    document: Any = trimesh.load(io.BytesIO(answers[1].content), file_type="glb")
    assert len(document.geometry) == 1
    assert b'"extras":{"note":"Larger is' in answers[1].content
    near, far = (0.9, 0.1) if kind == "relative_inverse_depth" else (0.1, 0.9)
    in_metres = made("pointcloud", anchors=f"0.5,{near},0.6;0.5,{far},3")
    assert "x-depth-note" not in in_metres.headers
    assert b"unknown" not in in_metres.content.partition(b"end_header")[0]


def test_and_beside_the_numbers_themselves(server: ServerProcess) -> None:
    for query, is_said in (({}, True), ({"anchors": ANCHORS}, False)):
        answer = server.client.post(
            "/v1/depth", params={"format": "json"} | query, files={"image": COFFEE}
        )
        assert ("x-depth-note" in answer.headers) == is_said
        assert (answer.json()["note"] is not None) == is_said


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"intrinsics": "525,525,1919.5,1079.5"}, "intrinsics"),
        ({"intrinsics": "0,525,300,200"}, "intrinsics"),
        ({"intrinsics": "525,525,300"}, "intrinsics"),
        ({"intrinsics": "525,525,300,200", "fov": "60"}, "not both"),
        ({"depth_scale": "1000"}, "uploaded depth map"),
        ({"invalid": "0"}, "uploaded depth map"),
        ({"near": "3", "far": "3"}, "near and far"),
        ({"near": "nan"}, "near"),
        ({"anchors": ANCHORS, "near": "2", "far": "1"}, "near and far"),
        ({"anchors": ANCHORS, "far": "0.01"}, "near and far"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    server: ServerProcess, query: dict[str, str], why: str
) -> None:
    answer = post_effect(server, "pointcloud", COFFEE, None, **query)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert why in answer.json()["detail"]


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "x"])
def test_a_scale_that_is_none_is_refused(server: ServerProcess, scale: str) -> None:
    answer = post_effect(
        server, "pointcloud", COFFEE, npy(np.ones((40, 60))), depth_scale=scale, **METRIC
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert "depth_scale" in answer.json()["detail"]


def test_a_heatmap_within_limits_has_the_same_colours_for_the_same_distance(
    server: ServerProcess,
) -> None:
    truth = metres(server, COFFEE, anchors=ANCHORS)
    query = {"anchors": ANCHORS, "near": "0.3", "far": "1.2"}
    heat = depth_file(server, COFFEE, colormap="gray", palette="false", **query)
    grey = np.asarray(Image.open(io.BytesIO(heat)))[..., 0].astype(float)
    expected = 255 * np.clip((1 / truth - 1 / 1.2) / (1 / 0.3 - 1 / 1.2), 0, 1)
    assert np.abs(grey - expected).max() <= 0.51
