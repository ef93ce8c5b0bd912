"""A live camera's side of the WebSocket."""

from __future__ import annotations

import json
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.server import ServerProcess


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
