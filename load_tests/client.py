"""A client that costs little: server and client share the cores, so its own time must not count.

`http.client` needs a fifth of the time a request of `httpx` takes.
"""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import numpy as np

_BOUNDARY = "frontier"


def multipart(photo: bytes, field: str = "image") -> tuple[bytes, dict[str, str]]:
    """Body and headers of a form with one photo."""
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


@dataclass(frozen=True)
class Answer:
    """One answered request."""

    status: int
    milliseconds: float
    body: bytes
    server_timing: str


class Client:
    """One persistent connection that posts the same photo to one URL."""

    def __init__(
        self, url: str, photo: bytes, field: str = "image", source: str | None = None
    ) -> None:
        parts = urlsplit(url)
        self._path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._connection = http.client.HTTPConnection(
            parts.hostname or "",
            parts.port,
            timeout=120,
            source_address=(source, 0) if source else None,
        )
        self._body, self._headers = multipart(photo, field)

    def post(self) -> Answer:
        """Send the photo and read the whole answer."""
        started = time.perf_counter()
        self._connection.request("POST", self._path, self._body, self._headers)
        response = self._connection.getresponse()
        body = response.read()
        took = 1000 * (time.perf_counter() - started)
        return Answer(response.status, took, body, response.headers.get("Server-Timing", ""))


@dataclass(frozen=True)
class Throughput:
    """What several clients got out of a server."""

    images_per_second: float
    p50_ms: float
    p95_ms: float


def throughput(
    url: str, photo: bytes, clients: int, seconds: float, field: str = "image"
) -> Throughput:
    """Photos answered 200 with ``clients`` clients that each wait for their answer."""
    taken: list[list[float]] = [[] for _ in range(clients)]
    stop_at = time.perf_counter() + seconds

    def run(index: int) -> None:
        client = Client(url, photo, field)
        while time.perf_counter() < stop_at:
            answer = client.post()
            if answer.status == http.HTTPStatus.OK:
                taken[index].append(answer.milliseconds)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    times = [milliseconds for own in taken for milliseconds in own]
    p50, p95 = np.percentile(times, (50, 95))
    return Throughput(round(len(times) / elapsed, 1), round(p50, 1), round(p95, 1))
