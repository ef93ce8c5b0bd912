"""The most memory that a replica holds under a mix of the largest permitted requests.

    python -m load_tests.mix [--seconds N]

Prints the server's peak while each kind of request is alone, and while all are there at once;
writes results/mix.json. Linux only: the peak is the kernel's, which is reset for each kind.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tritonclient.http as triton

from load_tests.client import multipart
from load_tests.machine import machine_facts, write_result
from load_tests.neighbours import largest_effects, peak_mb, square
from load_tests.stream import run_camera
from service.settings import Settings
from tests.support.oip import INFER, images
from tests.support.photos import as_bytes, photo_pixels
from tests.support.server import ServerProcess

_FORM = "/v1/effects/portrait?max_side=2048&depth_kind=relative_inverse_depth"
_SLOW_BYTES = 1 << 16
_TIMEOUT_SECONDS = 120
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Call:
    """One request; a ``slow`` client takes its answer bit by bit, an endless one never ends it."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    endless: bool = False


def photo_call(path: str, photo: bytes, *, slow: bool = False) -> Call:
    """A photo as the body."""
    return Call(path, photo, {"Content-Type": "application/octet-stream"}, slow=slow)


def base64_call(path: str, photo: bytes) -> Call:
    """A photo in JSON."""
    body = json.dumps({"image": base64.b64encode(photo).decode()}).encode()
    return Call(path, body, {"Content-Type": "application/json"})


def map_call(photo: bytes, side: int) -> Call:
    """A photo with a depth map of its own in float64, which deflates to little."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, np.linspace(1, 9, side)[:, np.newaxis].repeat(side, 1).round())
    body, headers = multipart(photo)
    boundary = headers["Content-Type"].partition("boundary=")[2].encode()
    part = b'\r\nContent-Disposition: form-data; name="depth"; filename="d.npz"\r\n\r\n'
    end = b"--\r\n"
    body = body.removesuffix(end) + part + buffer.getvalue() + b"\r\n--" + boundary + end
    return Call(_FORM, body, headers)


def infer_call(photo: bytes) -> Call:
    """Depth of the photo's size by the Open Inference Protocol."""
    outputs = [triton.InferRequestedOutput("depth", binary_data=True)]
    client = triton.InferenceServerClient
    body, json_length = client.generate_request_body(
        [images(photo)], outputs=outputs, parameters={"size": "original"}
    )
    return Call(INFER, body, {"Inference-Header-Content-Length": str(json_length)})


def numbers_call() -> Call:
    """As many numbers as JSON may hold, as network inputs."""
    data = np.random.default_rng(0).random((10, 3, 256, 256)).round(6).ravel().tolist()
    tensor = {"name": "input", "shape": [10, 3, 256, 256], "datatype": "FP32", "data": data}
    return Call(INFER, json.dumps({"inputs": [tensor]}).encode())


def kinds() -> dict[str, list[list[Call]]]:
    """The kinds of requests: for each of their clients, what it asks for in turn.

    Unfinished uploads leave half of what bodies may take to the others, who would get 503.
    """
    # Together with an effect's photo of 17 megapixels as many as are admitted; the most of all.
    webp, avif = square(6800, "WEBP", "RGBA"), square(7000, "AVIF", "RGBA")
    png, jpeg = square(3500, "PNG"), square(3400, "JPEG")
    effects = [Call(path, *multipart(photo)) for path, photo in largest_effects()]
    upload = Call("/v1/depth", bytes(Settings().max_body_bytes), endless=True)
    return {
        "effects": [effects, effects[::-1]],
        "large photos": [
            [photo_call("/v1/depth?format=npy", webp)],
            [photo_call("/v1/depth?format=depth16&normalize=percentile", avif)],
            [photo_call("/v1/depth?normalize=percentile", png)],
        ],
        "phones' photos": [[photo_call("/predict", jpeg)]] * 4,
        "slow readers": [[photo_call("/v1/depth?format=npy", jpeg, slow=True)]] * 3,
        "JSON": [
            [photo_call("/v1/depth?format=json&size=original", square(2000, "JPEG"))],
            [
                photo_call(
                    "/v1/depth?format=json&size=original&encoding=base64", square(2000, "PNG")
                )
            ],
        ],
        "base64": [[base64_call("/v1/depth?format=depth16", square(3500, "PNG"))]] * 2,
        "maps sent along": [[map_call(jpeg, 3400)]] * 2,
        "Open Inference": [[infer_call(png)], [numbers_call()]],
        "unfinished uploads": [[upload]] * 3,
    }


class Load:
    """Clients that ask without a pause until they are stopped; the statuses that they got."""

    def __init__(self, server: ServerProcess, clients: list[list[Call]], first: int) -> None:
        self._port = int(server.url.rpartition(":")[2])
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self._threads = [
            threading.Thread(target=self._run, args=(f"127.0.1.{first + number}", calls))
            for number, calls in enumerate(clients)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what they are at."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, address: str, calls: list[Call]) -> None:
        while not self._stop.is_set():
            for call in calls:
                try:
                    status = self._ask(address, call)
                except (OSError, http.client.HTTPException):
                    status = 0
                self.statuses[status] += 1
                if status != http.HTTPStatus.OK:
                    self._stop.wait(_PAUSE_SECONDS)
                if self._stop.is_set():
                    return

    def _ask(self, address: str, call: Call) -> int:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS, source_address=(address, 0)
        )
        try:
            if call.endless:
                return self._upload(connection, call)
            connection.request("POST", call.path, call.body, dict(call.headers))
            answer = connection.getresponse()
            # Not -1, which waits for the end of the connection.
            while answer.read(_SLOW_BYTES if call.slow else None):
                if call.slow:
                    self._stop.wait(0.01)
            return answer.status
        finally:
            connection.close()

    def _upload(self, connection: http.client.HTTPConnection, call: Call) -> int:
        """All but the last byte, until the server's patience ends."""
        connection.putrequest("POST", call.path)
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", str(len(call.body)))
        connection.endheaders(call.body[:-1])
        self._stop.wait(_TIMEOUT_SECONDS / 8)
        return 0


def camera(server: ServerProcess, seconds: float) -> None:
    """A stream beside the rest; where everything is asked for at once, it may get no turn."""
    with contextlib.suppress(TimeoutError):
        run_camera(server, as_bytes(photo_pixels("coffee.png"), "JPEG"), seconds)


def peak(server: ServerProcess, clients: list[list[Call]], seconds: float) -> tuple[int, str]:
    """Megabytes at most, and the statuses that these clients got."""
    # The kernel forgets the peak so far.
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    load = Load(server, clients, first=1)
    work: Callable[[], None] = lambda: camera(server, seconds)  # noqa: E731
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(seconds)
    thread.join()
    load.stop()
    statuses = dict(sorted(load.statuses.items()))
    return peak_mb(server.process.pid), " ".join(f"{k}:{v}" for k, v in statuses.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (clients included), {facts['date']}")
    figures: dict[str, object] = {}
    every = kinds()
    with ServerProcess(cache_dir=str(Settings().cache_dir)) as server:
        for name, clients in every.items():
            megabytes, statuses = peak(server, clients, seconds)
            figures[name] = megabytes
            print(f"{name:20} {megabytes:>6} MB   {statuses}", flush=True)
        together = [calls for clients in every.values() for calls in clients]
        megabytes, statuses = peak(server, together, 6 * seconds)
        figures["all"] = megabytes
        print(f"{'all at once':20} {megabytes:>6} MB   {statuses}")
    write_result("mix", figures)


if __name__ == "__main__":
    main()
