"""Many clients at once, and impatient ones."""

from __future__ import annotations

import concurrent.futures
import socket
from collections.abc import Callable

import httpx

from tests.support.server import ServerProcess


def post_at_once(
    server: ServerProcess, path: str, photo: bytes, clients: int, **options: object
) -> list[httpx.Response]:
    """The answers of ``clients`` clients that post the photo at the same time."""

    def post(_: int) -> httpx.Response:
        return httpx.post(server.url + path, files={"image": photo}, timeout=150, **options)  # type: ignore[arg-type]

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return list(pool.map(post, range(clients)))


def send_and_leave(
    server: ServerProcess, photo: bytes, after: Callable[[], None], path: str = "/v1/depth"
) -> None:
    """Send a whole request and close the connection without reading the answer."""
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n"
            b"Content-Length: %d\r\n\r\n" % (path.encode(), len(photo))
        )
        connection.sendall(photo)
        after()
