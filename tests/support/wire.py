"""HTTP by hand over a socket, for what no client library would send."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

_HANG_SECONDS = 30


class Listening(Protocol):
    """A server, of whatever kind."""

    @property
    def address(self) -> tuple[str, int]: ...


@dataclass(frozen=True)
class WireAnswer:
    """The first response on a connection."""

    status: int
    media_type: str
    body: bytes
    closes: bool = False
    """Whether it says that it is the last of its connection."""
    allowed_origin: str | None = None
    """Whose pages may read it."""
    is_locked_up: bool = False
    """Whether it has what keeps browsers from taking it for something else."""

    @property
    def problem(self) -> dict[str, Any]:
        assert self.media_type == "application/problem+json", self
        problem: dict[str, Any] = json.loads(self.body)
        return problem


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def send(self, data: bytes) -> bool:
        """Send bytes; False, and no error, if the server has answered and closed already."""
        try:
            self._socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def end_sending(self) -> None:
        """Close the sending side only."""
        self._socket.shutdown(socket.SHUT_WR)

    def wait_for_answer(self) -> None:
        """Return when the next answer has begun, and leave it unread."""
        self._socket.recv(1, socket.MSG_PEEK)

    def read_answer(self) -> WireAnswer | None:
        """The next response; None if the server closes without one."""
        try:
            response = http.client.HTTPResponse(self._socket)
            response.begin()
            body = response.read()
        except (http.client.BadStatusLine, ConnectionError):
            return None
        media_type = response.headers.get_content_type()
        closes = response.headers["Connection"] == "close"
        origin = response.headers["Access-Control-Allow-Origin"]
        locked_up = response.headers["X-Content-Type-Options"] == "nosniff"
        return WireAnswer(response.status, media_type, body, closes, origin, locked_up)

    def wait_until_closed(self) -> bytes:
        """What else the server sends before it closes."""
        rest = b""
        with contextlib.suppress(ConnectionError):
            while piece := self._socket.recv(1 << 16):
                rest += piece
        return rest


@contextlib.contextmanager
def connect(server: Listening) -> Iterator[Wire]:
    """A connection to the server, closed at the end."""
    with socket.create_connection(server.address, timeout=_HANG_SECONDS) as connection:
        yield Wire(connection)


def head(line: bytes, *headers: bytes) -> bytes:
    """A request's head, with a Host."""
    return b"\r\n".join((line + b" HTTP/1.1", b"Host: test", *headers, b"", b""))


@contextlib.contextmanager
def trickle(wire: Wire, piece: bytes) -> Iterator[None]:
    """Send a piece ten times a second, until the block ends."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.1):
            wire.send(piece)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def unread_answer(server: Listening, photo: bytes, *headers: bytes) -> Iterator[None]:
    """A client that does not read its answer, too large to be sent without: it keeps its place."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(_HANG_SECONDS)
        connection.connect(server.address)
        length = b"Content-Length: %d" % len(photo)
        kind = b"Content-Type: image/jpeg"
        connection.sendall(head(b"POST /v1/depth?format=npy", length, kind, *headers) + photo)
        assert connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"
        yield
