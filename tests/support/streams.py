"""A live camera's side of the WebSocket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.photos import as_bytes, photo_pixels
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

FRAME = as_bytes(photo_pixels("coffee.png"), "JPEG", quality=90)
NESTED = "[" * 1000


def open_stream(
    server: ServerProcess, query: str = "", headers: dict[str, str] | None = None, **options: Any
) -> ClientConnection:
    url = server.url.replace("http://", "ws://") + "/v1/stream" + query
    camera: ClientConnection = connect(url, additional_headers=headers or {}, **options)
    return camera


def answer_of(camera: ClientConnection) -> tuple[dict[str, Any], bytes]:
    """The next frame's JSON and picture."""
    head = camera.recv(timeout=30)
    assert isinstance(head, str)
    body = camera.recv(timeout=30)
    assert isinstance(body, bytes)
    return json.loads(head), body


def closing_code(camera: ClientConnection) -> int:
    """The code that the stream is closed with, with nothing said before."""
    with pytest.raises(ConnectionClosed) as closed:
        camera.recv(timeout=30)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def refusal(server: ServerProcess, query: str = "", **headers: str) -> dict[str, Any]:
    """The problem that a stream is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        open_stream(server, query, headers={"X-Request-ID": "camera-1", **headers})
    answer = refused.value.response
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "camera-1"
    problem: dict[str, Any] = json.loads(answer.body)
    assert problem["status"] == answer.status_code
    said = f"[camera-1] method=GET route=/v1/stream status={answer.status_code} "
    wait_until(lambda: said in server.log())
    assert f"error={problem['type']}\n" in server.log().rpartition(said)[2]
    return problem
