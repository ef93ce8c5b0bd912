"""Rubbish in: the right 4xx out, the same on every call, and the service keeps serving."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.photos import as_bytes, photo_bytes, png_header_bomb, zip_bytes
from tests.support.server import ROOT, ServerProcess

PHOTO = photo_bytes("chelsea.png")
JPEG = as_bytes(Image.open(io.BytesIO(PHOTO)), "JPEG")
SIXTY_MB = b"\xff\xd8\xff" + os.urandom(60_000_000)

Call = Callable[[httpx.Client], httpx.Response]


def image(data: bytes, field: str = "image", **options: Any) -> Call:
    return lambda client: client.post("/v1/depth", files={field: ("a.png", data)}, **options)


def raw(data: Any, **options: Any) -> Call:
    return lambda client: client.post("/v1/depth", content=data, **options)


def query(text: str) -> Call:
    return lambda client: client.post(f"/v1/depth?{text}", files={"image": PHOTO})


def two_files(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/depth", files=[("image", ("a.png", PHOTO)), ("image", ("b", PHOTO))])


def chunks_of_sixty_mb(client: httpx.Client) -> httpx.Response:
    pieces = (SIXTY_MB[i : i + 65_536] for i in range(0, len(SIXTY_MB), 65_536))
    return client.post("/v1/depth", content=pieces, headers={"Content-Type": "image/jpeg"})


PATHS = json.loads((ROOT / "openapi" / "openapi.json").read_text())["paths"]
PARAMETERS = [
    (path, name)
    for path, item in PATHS.items()
    if path.startswith("/v1/") and "post" in item
    # A call whose format its path says takes that format all the same.
    for name in dict.fromkeys(
        [
            *(one["name"] for one in item["post"].get("parameters", []) if one["in"] == "query"),
            *(["format"] if path.endswith((".json", ".png")) else []),
        ]
    )
]

CASES: dict[str, tuple[int, str, Call]] = {
    "empty body": (400, "malformed-request", raw(b"")),
    "empty file": (400, "malformed-request", image(b"")),
    "wrong field name": (400, "malformed-request", image(PHOTO, "photo")),
    "two files": (400, "malformed-request", two_files),
    "broken multipart": (
        400,
        "malformed-request",
        raw(b"nothing", headers={"Content-Type": "multipart/form-data; boundary=x"}),
    ),
    "multipart without boundary": (
        400,
        "malformed-request",
        raw(b"nothing", headers={"Content-Type": "multipart/form-data"}),
    ),
    "option of a call without any": (
        422,
        "invalid-parameter",
        lambda client: client.post("/predict?format=json", files={"image": PHOTO}),
    ),
    "unknown model": (404, "model-not-found", query("model=unknown")),
    "unknown path": (404, "not-found", lambda client: client.get("/v3/nothing")),
    "wrong method": (405, "method-not-allowed", lambda client: client.get("/v1/depth")),
    "nothing acceptable": (
        406,
        "not-acceptable",
        image(PHOTO, headers={"Accept": "video/mp4"}),
    ),
    "header of 100000x100000": (413, "payload-too-large", image(png_header_bomb())),
    "60 MB": (413, "payload-too-large", image(SIXTY_MB)),
    "60 MB in chunks": (413, "payload-too-large", chunks_of_sixty_mb),
    "text": (415, "unsupported-media-type", image(b"hello, this is no image")),
    "zip renamed": (415, "unsupported-media-type", image(zip_bytes())),
    "ppm": (415, "unsupported-media-type", image(as_bytes(Image.new("RGB", (9, 9)), "PPM"))),
    "urlencoded form": (
        415,
        "unsupported-media-type",
        lambda client: client.post("/v1/depth", data={"image": "x"}),
    ),
    "truncated jpeg": (422, "undecodable-image", image(JPEG[: len(JPEG) // 2])),
    "truncated png": (422, "undecodable-image", image(PHOTO[: len(PHOTO) // 2])),
    "unknown format": (422, "invalid-parameter", query("format=unknown")),
    "unknown colormap": (422, "invalid-parameter", query("colormap=unknown")),
    "percentiles of what is not by them": (422, "invalid-parameter", query("low=5")),
    "percentiles the wrong way round": (
        *(422, "invalid-parameter"),
        query("normalize=percentile&low=60&high=40"),
    ),
    "limits beside percentiles": (
        *(422, "invalid-parameter"),
        query("format=npy&normalize=percentile&near=0.5"),
    ),
    "unknown parameter": (422, "invalid-parameter", query("colourmap=jet")),
    "not a number of seconds": (
        422,
        "invalid-parameter",
        image(PHOTO, headers={"X-Request-Timeout": "nan"}),
    ),
    "negative seconds": (
        422,
        "invalid-parameter",
        image(PHOTO, headers={"X-Request-Timeout": "-1"}),
    ),
    "too large for json": (
        422,
        "invalid-parameter",
        lambda client: client.post(
            "/v1/depth?format=json&size=original",
            files={"image": as_bytes(Image.new("L", (2500, 2000)), "PNG")},
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(server: ServerProcess, name: str) -> None:
    status, slug, call = CASES[name]
    for _ in range(2):
        response = call(server.client)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["type"], problem["status"]) == (slug, status)
        assert problem["detail"]
        assert problem["request_id"] == response.headers["x-request-id"]
        assert len(response.content) < 2000
    assert server.client.post("/predict", files={"image": PHOTO}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/depth", "/v1/effects/relief"])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("anchors=0.5,0.9,1;0.5,0.1,3&calibration=1,2", "either anchors or a calibration"),
        ("near=2&far=4", "2.0 is not nearer than 4.0"),
        ("calibration=1,2&fov=60&intrinsics=9,9,4,4&format={}", "either fov or intrinsics"),
    ],
)
def test_what_no_photo_can_satisfy_is_told_before_one_is_decoded(
    server: ServerProcess, path: str, said: str, told: str
) -> None:
    of_camera = "ros" if path == "/v1/depth" else "normals"
    for photo in (PHOTO, b"hello, this is no image"):
        answer = server.client.post(f"{path}?{said.format(of_camera)}", files={"image": photo})
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (422, "invalid-parameter")
        assert told in problem["detail"]


@pytest.mark.parametrize(("path", "name"), PARAMETERS)
def test_a_refusal_shows_no_object_of_python(server: ServerProcess, path: str, name: str) -> None:
    answer = server.client.post(f"{path}?{name}=nonsense", files={"image": PHOTO})
    assert answer.status_code in (404, 422)
    detail = answer.json()["detail"]
    assert not set("<>") & set(detail), detail


@pytest.mark.parametrize(
    ("content_type", "title", "told"),
    [
        # What curl sends with --data-binary alone.
        (
            "application/x-www-form-urlencoded",
            "The Content-Type is not one that is read here",
            "is application/x-www-form-urlencoded. Send the image as",
        ),
        ("<b>photo</b>", "The Content-Type is not one that is read here", "is no media type."),
        ("multipart/form-data", "The Content-Type is incomplete", "names no boundary"),
    ],
)
def test_a_body_without_a_proper_content_type_is_told_so_in_the_title(
    server: ServerProcess, content_type: str, title: str, told: str
) -> None:
    headers = {"Content-Type": content_type}
    problem = server.client.post("/v1/depth", content=PHOTO, headers=headers).json()
    assert problem["title"] == title
    assert told in problem["detail"]


def test_a_network_whose_weights_are_missing_says_what_to_run(server: ServerProcess) -> None:
    response = query("model=midas_v21_small_256")(server.client)
    assert (response.status_code, response.json()["type"]) == (503, "model-unavailable")
    assert "models pull midas_v21_small_256" in response.json()["detail"]
    assert "retry-after" not in response.headers


def test_nothing_of_the_above_is_a_server_error(server: ServerProcess) -> None:
    log = server.log()
    assert "Traceback" not in log
    assert "status=500" not in log
