"""Depth for ROS: the answers, and the node of docs/ros.md with stand-ins for ROS."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from PIL import Image

from service.imaging.formats import FORMATS, OutputFormat
from tests.support.documents import examples
from tests.support.effects import depth_file, npy, post_effect
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

COFFEE = photo_bytes("coffee.png")  # 600 x 400
ANCHORS = "0.5,0.9,0.6;0.5,0.1,3"
K = [525.0, 0.0, 299.5, 0.0, 526.0, 200.5, 0.0, 0.0, 1.0]
INTRINSICS = "525,526,299.5,200.5"


def ros(server: ServerProcess, **query: str) -> tuple[dict[str, bytes], dict[str, str]]:
    answer = server.client.post(
        "/v1/depth", params={"format": "ros", "anchors": ANCHORS} | query, files={"image": COFFEE}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    return {name: archive.read(name) for name in archive.namelist()}, dict(answer.headers)


def test_a_zip_has_both_images_and_the_camera(server: ServerProcess) -> None:
    files, headers = ros(server, intrinsics=INTRINSICS)
    metres = np.load(io.BytesIO(files["depth.npy"]))
    assert (metres.shape, metres.dtype) == ((400, 600), np.float32)
    assert files["depth.npy"] == depth_file(server, COFFEE, format="npy", anchors=ANCHORS)
    assert files["depth_mm.png"] == depth_file(server, COFFEE, format="mm16", anchors=ANCHORS)
    millimetres = np.asarray(Image.open(io.BytesIO(files["depth_mm.png"])), np.uint16)
    told = metres < 65.5355
    assert (millimetres[~told] == 0).all()
    np.testing.assert_allclose(millimetres[told], metres[told] * 1000, atol=0.51)
    info = orjson.loads(files["camera_info.json"])
    assert (info["width"], info["height"], info["distortion_model"]) == (600, 400, "plumb_bob")
    np.testing.assert_allclose(info["k"], K)
    np.testing.assert_allclose(np.reshape(info["p"], (3, 4))[:, :3], np.reshape(K, (3, 3)))
    assert info["r"] == np.eye(3).ravel().tolist()
    assert headers["x-depth-camera"].startswith("intrinsics; ")


def test_the_camera_is_that_of_the_map(server: ServerProcess) -> None:
    whole, small = (
        orjson.loads(ros(server, fov="70", size=size)[0]["camera_info.json"])
        for size in ("original", "network")
    )
    share = small["width"] / whole["width"]
    assert share < 1
    assert small["k"][0] == pytest.approx(share * whole["k"][0])
    # Half a pixel further in the middle of the larger pixels.
    assert small["k"][2] + 0.5 == pytest.approx(share * (whole["k"][2] + 0.5))
    fov = 2 * np.degrees(np.arctan(whole["width"] / 2 / whole["k"][0]))
    assert fov == pytest.approx(70)


def test_exif_tells_the_camera(server: ServerProcess) -> None:
    photo = Image.open(io.BytesIO(COFFEE)).convert("RGB")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[41989] = 26
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    query = {"format": "ros", "anchors": ANCHORS}
    answer = server.client.post("/v1/depth", params=query, files={"image": buffer.getvalue()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Depth-Camera"].startswith("exif; ")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    info = orjson.loads(archive.read("camera_info.json"))
    # 26 of 36 mm across 600 pixels.
    assert info["k"][0] == pytest.approx(600 * 26 / 36)


@pytest.mark.parametrize("format", ["mm16", "ros"])
def test_relative_depth_is_told_how_to_become_metres(server: ServerProcess, format: str) -> None:
    answer = server.client.post(f"/v1/depth?format={format}", files={"image": COFFEE})
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    for way in ("anchors", "calibration", "metric_depth"):
        assert way in answer.json()["detail"]


def test_millimetres_come_back_as_metres(server: ServerProcess) -> None:
    sent = depth_file(server, COFFEE, format="mm16", anchors=ANCHORS)
    levels = npy(np.asarray(Image.open(io.BytesIO(sent)), np.uint16))
    by_itself = post_effect(server, "obstacle", COFFEE, sent)
    by_scale = post_effect(
        *(server, "obstacle", COFFEE, levels), depth_kind="metric_depth", depth_scale=1000
    )
    assert by_itself.status_code == 200, by_itself.text
    assert by_itself.headers["X-Depth-Kind"] == "metric_depth"
    assert by_itself.json() == by_scale.json()


def test_the_node_publishes_what_the_service_answers(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: dict[str, list[Any]] = {}
    subscribed: dict[str, Callable[[Any], None]] = {}

    def publisher(kind: type, topic: str, queue: int) -> SimpleNamespace:
        return SimpleNamespace(publish=published.setdefault(topic, []).append)

    node = SimpleNamespace(
        create_publisher=publisher,
        create_subscription=lambda kind, topic, call, queue: subscribed.update({topic: call}),
    )

    class Message(SimpleNamespace):
        """Any message: its fields are what it is given."""

    def set_message_fields(message: Message, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            setattr(message, name, value)

    modules: dict[str, dict[str, Any]] = {
        "rclpy": {
            "init": lambda: None,
            "create_node": lambda _: node,
            "spin": lambda _: None,
        },
        "rosidl_runtime_py": {"set_message_fields": set_message_fields},
        "sensor_msgs": {},
        "sensor_msgs.msg": dict.fromkeys(("CameraInfo", "CompressedImage", "Image"), Message),
    }
    for name, parts in modules.items():
        module = ModuleType(name)
        vars(module).update(parts)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "argv", ["node", f"anchors={ANCHORS}", f"intrinsics={INTRINSICS}"])
    (code,) = examples("docs/ros.md", "python")
    program: dict[str, Any] = {}
    exec(code.replace("http://127.0.0.1:8000", server.url), program)  # noqa: S102 (our document's)

    subscribed["image/compressed"](Message(header="a header", data=COFFEE))
    (image,), (info,) = published["depth/image"], published["depth/camera_info"]
    files, _ = ros(server, intrinsics=INTRINSICS)
    metres, millimetres, fields = program["decode"](zipped(files))
    assert (metres.dtype, millimetres.dtype) == (np.float32, np.uint16)
    assert (image.header, image.encoding, image.step) == ("a header", "32FC1", 4 * 600)
    assert len(image.data) == image.step * image.height
    assert image.data == metres.tobytes()
    assert vars(info) == {"header": "a header"} | fields
    np.testing.assert_allclose(info.k, K)
    program["client"].close()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.metric_only])
@pytest.mark.parametrize(
    "known",
    [{"anchors": ANCHORS}, {"calibration": "0.2077,1.8686"}],
    ids=lambda one: next(iter(one)),
)
def test_accept_means_a_format_of_metres_where_there_are_metres(
    server: ServerProcess, format: OutputFormat, known: dict[str, str]
) -> None:
    media_type = FORMATS[format].media_type
    image = {"image": COFFEE}

    def sent(accept: str, **query: str) -> httpx.Response:
        headers = {"Accept": accept}
        return server.client.post("/v1/depth", params=query, headers=headers, files=image)

    wished = f"{media_type}, image/png;q=0.9"
    assert sent(wished).headers["Content-Type"] == "image/png"
    assert sent(wished, **known).headers["Content-Type"] == media_type
    named = sent("*/*", format=format)
    assert (named.status_code, named.json()["type"]) == (422, "invalid-parameter")
    assert sent("*/*", format=format, **known).headers["Content-Type"] == media_type
    if FORMATS[format].negotiates:
        refused = sent(media_type)
        assert (refused.status_code, refused.json()["type"]) == (406, "not-acceptable")
        assert f"{media_type} holds metres" in refused.json()["detail"]
