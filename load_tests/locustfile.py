"""Locust profiles.

`python -m load_tests.load` runs them all against a server of its own; one alone:
locust -f load_tests/locustfile.py OneClient --host http://127.0.0.1:8000
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, User, constant, constant_throughput, task

from load_tests.bench import photo_file
from load_tests.client import multipart

_SLOW_PIECE = 4096
_SLOW_PAUSE_SECONDS = 0.1
_RATE_A_USER = float(os.environ.get("LOAD_RATE_A_USER", "1"))


@functools.cache
def _photo(width: int, height: int) -> tuple[bytes, dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        return multipart(photo_file(Path(folder), (width, height)).read_bytes())


class DepthUser(FastHttpUser):
    """Posts photos; a refusal is an honest answer, counted under a name of its own."""

    abstract = True
    wait_time = constant(0)
    sizes = ((1280, 720),)

    def on_start(self) -> None:
        self._photos = itertools.cycle([_photo(*size) for size in self.sizes])

    @task
    def depth(self) -> None:
        body, headers = next(self._photos)
        with self.client.post(
            "/predict", data=body, headers=headers, name="answered", catch_response=True
        ) as response:
            if response.status_code in (429, 503):
                response.request_meta["name"] = "refused"
                response.success()


class OneClient(DepthUser):
    """One after the other."""


class Steady(DepthUser):
    """A fixed number of requests a second, answered or not."""

    wait_time = constant_throughput(_RATE_A_USER)


class Overload(DepthUser):
    """Ten times what can be served; refused clients come again at their rate, unasked."""

    wait_time = constant_throughput(_RATE_A_USER)


class MixedSizes(DepthUser):
    """From VGA to 12 megapixels."""

    sizes = ((640, 480), (1280, 720), (1920, 1080), (4000, 3000))


class Slow(User):
    """Uploads over seconds and reads its answer in sips, as phones at the edge of a network do."""

    fixed_count = 30
    wait_time = constant(0)

    @task
    def depth(self) -> None:
        photo, headers = _photo(1280, 720)
        address = urlsplit(self.host)
        started = time.perf_counter()
        error: Exception | None = None
        try:
            with socket.create_connection((address.hostname, address.port), timeout=60) as wire:
                self._send(wire, photo, headers)
                self._receive(wire)
        except Exception as raised:
            error = raised
        self.environment.events.request.fire(
            request_type="POST",
            name="slow",
            response_time=1000 * (time.perf_counter() - started),
            response_length=0,
            exception=error,
        )

    @staticmethod
    def _send(wire: socket.socket, photo: bytes, headers: dict[str, str]) -> None:
        lines = [
            "POST /predict HTTP/1.1",
            "Host: depth",
            "Connection: close",
            f"Content-Length: {len(photo)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        for start in range(0, len(photo), _SLOW_PIECE):
            wire.sendall(photo[start : start + _SLOW_PIECE])
            gevent.sleep(_SLOW_PAUSE_SECONDS)

    @staticmethod
    def _receive(wire: socket.socket) -> None:
        answer = bytearray()
        while piece := wire.recv(_SLOW_PIECE):
            answer += piece
            gevent.sleep(_SLOW_PAUSE_SECONDS)
        status = bytes(answer[:12])
        if status != b"HTTP/1.1 200" or not answer.endswith(b"IEND\xaeB\x60\x82"):
            raise RuntimeError(f"{status!r}, {len(answer)} bytes")


class AmongSlow(DepthUser):
    """Ordinary clients beside the slow ones."""

    fixed_count = 2
