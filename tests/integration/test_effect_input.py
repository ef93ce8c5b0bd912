"""What effects refuse: parameters out of range, and depth maps that cannot be the photo's."""

from __future__ import annotations

import io
import json
import pickle
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.effects.catalog import EFFECTS
from service.imaging.files.exr import SIGNATURE, is_exr_readable
from tests.support.effects import depth_file, npy, post_effect
from tests.support.photos import as_bytes, photo_bytes, png_header_bomb
from tests.support.server import ROOT, ServerProcess

COFFEE = photo_bytes("coffee.png")  # 600 x 400
SHAPE = (40, 60)
PATHS = json.loads((ROOT / "openapi" / "openapi.json").read_text())["paths"]
DEPTH = npy(np.linspace(0, 1, 2400, dtype=np.float32).reshape(SHAPE))


def documented(effect: str) -> dict[str, dict[str, Any]]:
    """The query parameters of an effect, as its document says."""
    return {
        parameter["name"]: parameter["schema"]
        for parameter in PATHS[f"/v1/effects/{effect}"]["post"]["parameters"]
        if parameter["in"] == "query"
    }


RANGES = [
    (effect, name, schema)
    for effect in EFFECTS
    for name, schema in documented(effect).items()
    # Of a resolution it is the network's own (test_resolution.py).
    if "minimum" in schema and name != "resolution"
]


@pytest.mark.parametrize(("effect", "name", "schema"), RANGES, ids=lambda value: str(value)[:20])
def test_a_number_out_of_its_range_is_told_the_range(
    server: ServerProcess, effect: str, name: str, schema: dict[str, Any]
) -> None:
    low, high = schema["minimum"], schema["maximum"]
    outside = [low - 1, high + 1]
    if schema["type"] == "number":
        outside += ["nan", "inf", "-inf"]
    for value in outside:
        answer = post_effect(server, effect, COFFEE, DEPTH, **{name: value})
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
        assert f"{name}: must be from {low:g} to {high:g}" in answer.json()["detail"]


@pytest.mark.parametrize(("effect", "name", "schema"), RANGES, ids=lambda value: str(value)[:20])
def test_both_ends_of_a_range_are_allowed(
    server: ServerProcess, effect: str, name: str, schema: dict[str, Any]
) -> None:
    tiny = as_bytes(Image.open(io.BytesIO(COFFEE)).resize((60, 40)))
    low, high = schema["minimum"], schema["maximum"]
    for value in (low, high):
        answer = post_effect(server, effect, tiny, DEPTH, **{name: value})
        # Of inverse depth, nothing is nearer than the least number or farther than the largest.
        if (name, value) in (("near", low), ("far", high)):
            assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
            assert "near and far" in answer.json()["detail"]
        else:
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("query", [{"apertur": "1"}, {"format": "bmp"}, {"model": "x" * 65}])
def test_unknown_parameters_and_values_are_refused(
    server: ServerProcess, effect: str, query: dict[str, str]
) -> None:
    answer = post_effect(server, effect, COFFEE, None, **query)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")


@pytest.mark.parametrize(
    ("effect", "name", "value"),
    [
        *(
            ("portrait", "focus", value)
            for value in ("", "0.5", "nan,0", "1.1,0", "-0.1,0", "0,0,0")
        ),
        *(("obstacle", "grid", value) for value in ("", "3", "0x3", "65x1", "3x3x3", "-1x2")),
        *(
            ("obstacle", "anchors", value)
            for value in ("", "0.5,0.5,1", "0,0,nan;1,1,2", "2,0,1;1,1,2", "0,0,0;1,1,2")
        ),
    ],
)
def test_text_of_another_form_is_refused(
    server: ServerProcess, effect: str, name: str, value: str
) -> None:
    answer = post_effect(server, effect, COFFEE, DEPTH, **{name: value})
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")


def test_too_many_pixels_of_all_frames_are_refused_in_words(server: ServerProcess) -> None:
    large = as_bytes(Image.open(io.BytesIO(COFFEE)).resize((1280, 853)))
    answer = post_effect(server, "parallax", large, DEPTH, frames=120, size=1280)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert "60 million" in answer.json()["detail"]


def shaped(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def descr(kind: str, shape: str, data: bytes = bytes(64)) -> bytes:
    return shaped(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n", data)


def with_value(value: float) -> bytes:
    values = np.linspace(0, 1, 2400, dtype=np.float32).reshape(SHAPE)
    values[3, 4] = value
    return npy(values)


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([[print]], dtype=object), allow_pickle=True)
    return buffer.getvalue()


HOSTILE: dict[str, tuple[int, bytes]] = {
    "NaN": (422, with_value(np.nan)),
    "infinity": (422, with_value(np.inf)),
    "huge number": (422, with_value(3e38)),
    "denormal range": (422, npy(np.full(SHAPE, 1e-39, np.float32) * np.eye(40, 60, dtype="f4"))),
    "another aspect ratio": (422, npy(np.zeros((60, 60), np.float32))),
    "turned by a quarter": (422, npy(np.zeros((60, 40), np.float32))),
    "three dimensions": (422, npy(np.zeros((40, 60, 1), np.float32))),
    "one dimension": (422, npy(np.zeros(2400, np.float32))),
    "complex numbers": (422, npy(np.zeros(SHAPE, np.complex64))),
    "objects": (422, pickled()),
    "a pickle": (415, pickle.dumps([1, 2, 3])),
    "no numbers": (422, npy(np.zeros((0, 0), np.float32))),
    "truncated": (422, DEPTH[:-1]),
    "too long": (422, DEPTH + b"\0"),
    "truncated header": (422, DEPTH[:20]),
    "magic alone": (422, b"\x93NUMPY"),
    "version 9": (422, DEPTH[:6] + b"\x09" + DEPTH[7:]),
    "a header of 4 GB": (422, b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
    "100000x100000": (413, descr("<f4", "(100000, 100000)")),
    "a shape beyond integers": (422, descr("<f4", "(99999999999999999999, 4)")),
    "negative shape": (422, descr("<f4", "(-4, -4)")),
    "a header that computes": (422, descr("<f4", "(9**9**9, 4)")),
    "a header of brackets": (422, shaped("(" * 900)),
    "a photo": (422, as_bytes(Image.open(io.BytesIO(COFFEE)), "JPEG")),
    "a heatmap": (422, COFFEE),
    "a PNG bomb": (413, png_header_bomb()),
    "a truncated PNG": (422, as_bytes(Image.new("I;16", (60, 40)))[:-30]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_depth_maps_are_refused(server: ServerProcess, name: str) -> None:
    status, depth = HOSTILE[name]
    answer = post_effect(server, "obstacle", COFFEE, depth)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] in {
        *("invalid-parameter", "undecodable-image"),
        *("unsupported-media-type", "payload-too-large"),
    }
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("type", ["<f4", ">f4", "<f2", "<u2", ">u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_depth_maps_of_every_number_type_are_read(
    server: ServerProcess, type: str, order: Any
) -> None:
    """The lower half is near, whatever the bytes' order."""
    values = np.repeat([0, 100], 20)[:, np.newaxis] * np.ones((1, 60))
    depth = npy(np.asarray(values, type, order=order))
    report = post_effect(server, "obstacle", COFFEE, depth, grid="1x2").json()
    assert report["grid"] == [[0.0], [1.0]]


@pytest.mark.parametrize("kind", ["relative_inverse_depth", "relative_depth"])
def test_a_map_of_one_value_tells_nothing_of_danger(server: ServerProcess, kind: str) -> None:
    """It may be a wall before the lens, or a lens that is covered."""
    same = npy(np.ones(SHAPE, np.float32))
    report = post_effect(server, "obstacle", COFFEE, same, depth_kind=kind).json()
    assert (report["alarm"], report["confidence"]) == (None, "low")
    assert (report["near_share"], report["largest"]) == (0.0, None)


def test_two_depth_maps_are_refused(server: ServerProcess) -> None:
    files = [("image", COFFEE), ("depth", DEPTH), ("depth", DEPTH)]
    answer = server.client.post("/v1/effects/obstacle", files=files)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")


def test_a_form_field_that_was_left_empty_is_no_depth_map(server: ServerProcess) -> None:
    files = {"image": ("photo.png", COFFEE), "depth": ("", b"")}
    answer = server.client.post("/v1/effects/obstacle", files=files)
    assert answer.status_code == 200
    assert answer.headers["x-depth-model"] == "depth_lite_256"


def test_an_empty_file_is_no_depth_map_either_but_an_error(server: ServerProcess) -> None:
    files = {"image": ("photo.png", COFFEE), "depth": ("empty.npy", b"")}
    answer = server.client.post("/v1/effects/portrait", files=files)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")
    assert "depth is empty" in answer.json()["detail"]


def test_the_kind_of_a_depth_map_that_is_not_there_is_refused(server: ServerProcess) -> None:
    answer = post_effect(server, "portrait", COFFEE, None, depth_kind="metric_depth")
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert "there is none" in answer.json()["detail"]


def test_other_routes_take_no_depth_map(server: ServerProcess) -> None:
    files = {"image": COFFEE, "depth": depth_file(server, COFFEE, format="depth16")}
    answer = server.client.post("/v1/depth", files=files)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")


def with_chunks(chunks: bytes) -> bytes:
    """A 16-bit PNG, with more chunks behind the one that tells its size."""
    levels = np.arange(2400, dtype=np.uint16).reshape(SHAPE)
    data = as_bytes(Image.fromarray(levels))
    return data[:33] + chunks + data[33:]


def text(keyword: str, value: str) -> bytes:
    kind, data = b"tEXt", f"{keyword}\0{value}".encode("latin-1")
    check = zlib.crc32(kind + data)
    return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")


METRES = b"".join(
    text(f"Depth-{name}", value)
    for name, value in (
        ("Kind", "metric_depth"),
        ("Unit", "metre"),
        ("Min", "1"),
        ("Max", "2"),
    )
)


def test_a_million_text_chunks_are_refused(server: ServerProcess) -> None:
    answer = post_effect(server, "pointcloud", COFFEE, with_chunks(text("a", "") * 1_000_000))
    assert (answer.status_code, answer.json()["type"]) == (422, "undecodable-image")


def test_a_description_counts_in_front_of_other_text_not_behind_it(server: ServerProcess) -> None:
    other = text("Comment", "x") * 1000
    behind = post_effect(server, "pointcloud", COFFEE, with_chunks(other + METRES))
    assert behind.status_code == 200, behind.text
    assert behind.headers["x-depth-kind"] == "relative_inverse_depth"
    assert behind.content == post_effect(server, "pointcloud", COFFEE, with_chunks(b"")).content
    before = post_effect(server, "pointcloud", COFFEE, with_chunks(METRES + other))
    assert before.headers["x-depth-kind"] == "metric_depth"


@pytest.mark.parametrize(
    "lie",
    [
        text("Depth-Min", "three"),
        text("Depth-Min", "-1e300"),
        text("Depth-Max", "1" * 200),
        text("Depth-Max", "inf"),
        text("Depth-Max", "nan"),
        text("Depth-Max", "two"),
        text("Depth-Max", ""),
        text("Depth-Invalid", "0.5"),
        text("Depth-Invalid", "9" * 200),
        text("Depth-Beyond", "-1"),
    ],
    ids=repr,
)
def test_text_chunks_that_lie_are_refused_in_words(server: ServerProcess, lie: bytes) -> None:
    assert post_effect(server, "obstacle", COFFEE, with_chunks(METRES)).status_code == 200
    # The first of a keyword counts.
    answer = post_effect(server, "obstacle", COFFEE, with_chunks(lie + METRES))
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert "cannot be true" in answer.json()["detail"]


def test_openexr_needs_its_package(server: ServerProcess) -> None:
    answer = post_effect(server, "pointcloud", COFFEE, SIGNATURE + bytes(100))
    assert answer.status_code == (422 if is_exr_readable() else 415)
    assert "OpenEXR" in answer.json()["detail"]
