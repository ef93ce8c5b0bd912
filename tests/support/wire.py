"""HTTP by hand over a socket, for what no client library would send."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.server import ServerProcess

_HANG_SECONDS = 30


@dataclass(frozen=True)
class WireAnswer:
    """The first response on a connection."""

    status: int
    media_type: str
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.media_type == "application/problem+json", self
        problem: dict[str, Any] = json.loads(self.body)
        return problem


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def send(self, data: bytes) -> None:
        """Send bytes; a server that has answered and closed already is no error."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def read_answer(self) -> WireAnswer | None:
        """The next response; None if the server closes without one."""
        try:
            response = http.client.HTTPResponse(self._socket)
            response.begin()
            body = response.read()
        except (http.client.BadStatusLine, ConnectionError):
            return None
        media_type = response.headers.get_content_type()
        return WireAnswer(response.status, media_type, body)

    def wait_until_closed(self) -> bytes:
        """What else the server sends before it closes."""
        rest = b""
        with contextlib.suppress(ConnectionError):
            while piece := self._socket.recv(1 << 16):
                rest += piece
        return rest


@contextlib.contextmanager
def connect(server: ServerProcess) -> Iterator[Wire]:
    """A connection to the server, closed at the end."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=_HANG_SECONDS) as connection:
        yield Wire(connection)


def head(line: bytes, *headers: bytes) -> bytes:
    """A request's head, with a Host."""
    return b"\r\n".join((line + b" HTTP/1.1", b"Host: test", *headers, b"", b""))


@contextlib.contextmanager
def unread_answer(server: ServerProcess, photo: bytes, *headers: bytes) -> Iterator[None]:
    """A client that does not read its answer, too large to be sent without: it keeps its place."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(_HANG_SECONDS)
        connection.connect((host, int(port)))
        length = b"Content-Length: %d" % len(photo)
        kind = b"Content-Type: image/jpeg"
        connection.sendall(head(b"POST /v1/depth?format=npy", length, kind, *headers) + photo)
        assert connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"
        yield
