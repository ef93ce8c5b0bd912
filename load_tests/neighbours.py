"""What two clients' largest effects do to everybody else on a replica.

    python -m load_tests.neighbours [--seconds N]

Prints p50 and p95 of another client's photos, the frame rate of a stream and the slowest probe:
alone, and beside two clients that ask for one effect of the largest permitted size after the other.
Writes results/neighbours.json. What memory they take together: `python -m load_tests.mix`.
"""

from __future__ import annotations

import argparse
import contextlib
import http
import http.client
import io
import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from load_tests.bench import photo_file
from load_tests.client import Client
from load_tests.fairness import latency
from load_tests.machine import machine_facts, write_result
from load_tests.stream import run_camera
from service.settings import Settings
from tests.support.photos import as_bytes, photo_pixels
from tests.support.server import ServerProcess

_LARGEST = (
    "stereo?max_side=4096&amplitude=0.1",
    "portrait?max_side=4096&aperture=1",
    "parallax?max_side=1280&frames=36&format=gif",
    "pointcloud?max_side=2048&texture_side=4096&format=glb",
    "relief?max_side=4096",
)
_ADDRESSES = ("127.0.0.4", "127.0.0.5")
_PROBE_SECONDS = 0.05
# Long enough for a stream and its photos to be alone again.
_PAUSE_SECONDS = 1.0


def square(side: int, format: str, mode: str = "RGB") -> bytes:
    """A square photo."""
    picture = Image.fromarray(photo_pixels("astronaut.png")).resize((side, side)).convert(mode)
    buffer = io.BytesIO()
    fast = {"PNG": {"compress_level": 6}, "AVIF": {"speed": 10}}
    options: dict[str, Any] = fast.get(format, {"quality": 50, "method": 0})
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def largest_effects() -> list[tuple[str, bytes]]:
    """Calls of the largest effects, each with a photo as large as effects take one."""
    photo = square(4096, "JPEG")
    return [(f"/v1/effects/{effect}", photo) for effect in _LARGEST]


@contextlib.contextmanager
def busy(url: str, calls: list[tuple[str, bytes]], addresses: Sequence[str]) -> Iterator[list[int]]:
    """Clients that make one call after the other until the block ends; the statuses they got."""
    stop, statuses = threading.Event(), list[int]()

    def run(address: str, first: int) -> None:
        own = itertools.islice(itertools.cycle(calls), first, None)
        while not stop.is_set():
            path, photo = next(own)
            statuses.append(Client(url + path, photo, source=address).post().status)
            if statuses[-1] != http.HTTPStatus.OK:
                stop.wait(_PAUSE_SECONDS)

    threads = [
        threading.Thread(target=run, args=(address, first))
        for first, address in enumerate(addresses)
    ]
    for thread in threads:
        thread.start()
    time.sleep(_PAUSE_SECONDS)
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def probes(url: str) -> Iterator[list[tuple[int, float]]]:
    """Ask ``/livez`` until the block ends; statuses, and milliseconds."""
    stop, answers, parts = threading.Event(), list[tuple[int, float]](), urlsplit(url)

    def run() -> None:
        while not stop.wait(_PROBE_SECONDS):
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
            started = time.perf_counter()
            connection.request("GET", "/livez")
            status = connection.getresponse().status
            answers.append((status, 1000 * (time.perf_counter() - started)))
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def measure(server: ServerProcess, photo: bytes, frame: bytes, seconds: float) -> dict[str, Any]:
    """What a client, a stream and a probe see, one after the other."""
    with probes(server.url) as answers:
        figures: dict[str, Any] = latency(f"{server.url}/v1/depth", photo, seconds)
        rate, _ = run_camera(server, frame, seconds)
    return figures | {
        "frames_per_second": round(rate, 1),
        "slowest_probe_ms": round(max(took for _, took in answers), 1),
        "failed_probes": sum(status != http.HTTPStatus.OK for status, _ in answers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (clients included), {facts['date']}")
    frame = as_bytes(photo_pixels("coffee.png"), "JPEG", quality=85)
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(cache_dir=str(Settings().cache_dir)) as server,
    ):
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
        latency(f"{server.url}/v1/depth", photo, 2)
        alone = measure(server, photo, frame, arguments.seconds)
        effects = largest_effects()
        with busy(server.url, effects, _ADDRESSES) as statuses:
            beside = measure(server, photo, frame, arguments.seconds)
        memory = {"peak_mb_of_effects": peak_mb(server.process.pid)}
    figures = {"alone": alone, "beside two clients' largest effects": beside}
    for name, figure in figures.items():
        print(f"{name:38} {figure}")
    ratios = {
        "p95_beside_to_p50_alone": round(beside["p95_ms"] / alone["p50_ms"], 2),
        "frame_rate_kept": round(beside["frames_per_second"] / alone["frames_per_second"], 2),
    }
    print(f"{ratios}\n{memory}\neffects answered {Counter(statuses)}")
    write_result("neighbours", figures | ratios | memory)


def peak_mb(pid: int) -> int:
    """The most memory that a process has held so far (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / 1e6)


if __name__ == "__main__":
    main()
