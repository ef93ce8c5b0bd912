"""Locust profiles.

`python -m load_tests.load` runs them all against a server of its own; one alone:
locust -f load_tests/locustfile.py OneClient --host http://127.0.0.1:8000
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

from locust import FastHttpUser, constant, constant_throughput, task

from load_tests.bench import photo_file
from load_tests.client import multipart

_RATE_A_USER = float(os.environ.get("LOAD_RATE_A_USER", "1"))


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
            if response.status_code == 503:
                response.request_meta["name"] = "refused"
                response.success()


class OneClient(DepthUser):
    """One after the other."""


class Steady(DepthUser):
    """A fixed number of requests a second, answered or not."""

    wait_time = constant_throughput(_RATE_A_USER)


class Overload(DepthUser):
    """Ten times what can be served, and refusals are retried at once."""

    wait_time = constant_throughput(_RATE_A_USER)


class MixedSizes(DepthUser):
    """From VGA to 12 megapixels."""

    sizes = ((640, 480), (1280, 720), (1920, 1080), (4000, 3000))
