"""The ways in which clients send a photo: all give the same answer, under the same limits."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.effects import depth_file
from tests.support.inputs import input_bytes
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wire import connect, head

PHOTO = photo_bytes("chelsea.png")
LETTERS = base64.b64encode(PHOTO).decode()
MOST = 300_000
NOT_READ = ["br", "Zstd", "gzip, gzip", "x" * 300, "\u00e9"]


@pytest.fixture(scope="module")
def small(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server of small bodies, whose operator insists on HEIC."""
    with ServerProcess(
        cache_dir=str(cache_dir), max_body_mb=str(MOST / 1e6), heic_in_process="true"
    ) as server:
        yield server


@pytest.mark.parametrize("text", [LETTERS, f"data:image/png;base64,{LETTERS}"])
def test_base64_in_json_is_answered_as_the_file(server: ServerProcess, text: str) -> None:
    expected = server.client.post("/v1/depth?format=npy", files={"image": PHOTO})
    answer = server.client.post("/v1/depth?format=npy", json={"image": text})
    assert answer.status_code == 200
    assert answer.content == expected.content


def test_base64_brings_a_depth_map_where_a_form_does(server: ServerProcess) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.linspace(0, 1, 300 * 451, dtype=np.float32).reshape(300, 451))
    files = {"image": PHOTO, "depth": buffer.getvalue()}
    letters = {name: base64.b64encode(data).decode() for name, data in files.items()}
    path = "/v1/effects/obstacle"
    answer = server.client.post(path, json=letters)
    assert answer.status_code == 200
    assert answer.content == server.client.post(path, files=files).content
    refused = server.client.post("/v1/depth", json=letters)
    assert refused.json()["type"] == "malformed-request"


def test_the_limit_of_bytes_holds_for_what_was_encoded(small: ServerProcess) -> None:
    for size, status in ((MOST, 200), (MOST + 1, 413), (2 * MOST, 413)):
        photo = PHOTO + bytes(size - len(PHOTO))
        letters = base64.encodebytes(photo).decode()
        assert small.client.post("/v1/depth", json={"image": letters}).status_code == status
    padded = {"image": LETTERS, "depth": " " * 3 * MOST}
    assert small.client.post("/v1/effects/obstacle", json=padded).status_code == 413


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"image": 1}', b'{"image": "?"}', b"{", b""])
def test_json_that_holds_no_photo_is_malformed(server: ServerProcess, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = server.client.post("/v1/depth", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")


@pytest.mark.parametrize(
    ("path", "encoding"),
    [
        *itertools.product(["/v1/depth", "/predict"], ["gzip", "deflate", *NOT_READ]),
        *itertools.product(["/v2/models/depth_lite_256/infer"], NOT_READ),
    ],
)
def test_a_compressed_body_is_refused_by_the_name_of_its_encoding(
    server: ServerProcess, path: str, encoding: str
) -> None:
    media_type = b"application/json" if path.startswith("/v2") else b"image/png"
    headers = {b"Content-Type": media_type, b"Content-Encoding": encoding.encode("latin-1")}
    answer = server.client.post(path, content=gzip.compress(PHOTO), headers=headers)
    assert answer.status_code == 415
    # The Open Inference Protocol has errors of its own.
    problem = answer.json()
    detail = problem["error"] if path.startswith("/v2") else problem["detail"]
    read = "gzip, deflate, identity" if path.startswith("/v2") else "identity"
    assert answer.headers["accept-encoding"] == read
    if encoding.isascii() and encoding.isalnum():
        assert encoding.lower()[:20] in detail
    assert len(detail) < 200


def test_the_limit_of_bytes_holds_for_what_was_compressed(small: ServerProcess) -> None:
    headers = {"Content-Encoding": "gzip"}
    for size, status, reason in (
        (MOST + 1, 413, "0.3 MB once it is decompressed"),
        (MOST, 400, "not JSON"),
    ):
        body = gzip.compress(bytes(size))
        answer = small.client.post("/v2/models/depth_lite_256/infer", content=body, headers=headers)
        assert (answer.status_code, reason in answer.json()["error"]) == (status, True)


def test_what_is_decompressed_counts_as_memory_at_once(cache_dir: Path) -> None:
    """Beside another body; a lone one has DEPTH_MAX_BODY_MB for a bound."""
    bomb = gzip.compress(bytes(21_000_000))
    path, headers = "/v2/models/depth_lite_256/infer", {"Content-Encoding": "gzip"}
    with (
        ServerProcess(cache_dir=str(cache_dir), max_admitted_mb="2") as server,
        connect(server) as other,
    ):
        assert server.client.post(path, content=bomb, headers=headers).status_code == 413
        other.send(head(b"POST /v1/depth", b"Content-Length: 1000") + PHOTO[:500])

        def is_refused() -> bool:
            answer = server.client.post(path, content=bomb, headers=headers)
            return answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1

        wait_until(is_refused)


def test_an_encoding_that_is_none_is_accepted(server: ServerProcess) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": "identity"}
    assert server.client.post("/v1/depth", content=PHOTO, headers=headers).status_code == 200


def test_a_preamble_and_blanks_of_a_form(server: ServerProcess) -> None:
    part = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = b"A message in MIME format.\r\n--b \t\r\n" + part + PHOTO + b"\r\n--b-- \r\nbye"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert server.client.post("/v1/depth", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("name", [b'filename="d.npy"', b"filename*=UTF-8''d.npy"])
def test_a_depth_map_that_was_sent_is_not_passed_over(server: ServerProcess, name: bytes) -> None:
    """An empty one with a name is none that was not chosen; the alarm would be a guess."""
    part = b'--b\r\nContent-Disposition: form-data; name="%s"; %s\r\n\r\n'
    body = part % (b"image", b'filename="a.png"') + PHOTO + b"\r\n" + part % (b"depth", name)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = server.client.post(
        "/v1/effects/obstacle", content=body + b"\r\n--b--\r\n", headers=headers
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")
    assert "The file in the field depth is empty" in answer.text


@pytest.mark.parametrize("name", ["x.heic", "x_msf1.heic"])
def test_an_operator_may_insist_on_heic(small: ServerProcess, name: str) -> None:
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    depth, right = (
        np.load(io.BytesIO(depth_file(small, input_bytes(photo), format="npy")))
        for photo in (name, "base.jpg")
    )
    assert np.abs(depth - right).mean() < 0.01 * np.ptp(right)
