"""Frames a second that ``/v1/stream`` reaches, for cameras of 600x400 without a pause.

``python -m load_tests.stream [--cameras 1] [--seconds 10]`` starts a server of its own.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import statistics
import time

from tests.support.photos import as_bytes, photo_pixels
from tests.support.server import ServerProcess
from tests.support.streams import answer_of, open_stream

# One frame is worked on while the next arrives, as a camera would have it.
_IN_FLIGHT = 2


def run_camera(server: ServerProcess, frame: bytes, seconds: float) -> tuple[float, float]:
    """Frames a second and the median latency in ms that one camera saw."""
    latencies: list[float] = []
    with open_stream(server) as camera:
        for _ in range(_IN_FLIGHT):
            camera.send(frame)
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            head, _ = answer_of(camera)
            latencies.append(head["latency_ms"])
            camera.send(frame)
        took = time.perf_counter() - started
    return len(latencies) / took, statistics.median(latencies)


def main() -> None:
    """Print the figures of each camera."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    frame = as_bytes(photo_pixels("coffee.png"), "JPEG", quality=85)
    with (
        ServerProcess() as server,
        concurrent.futures.ThreadPoolExecutor(arguments.cameras) as pool,
    ):
        run_camera(server, frame, 1)
        runs = [
            pool.submit(run_camera, server, frame, arguments.seconds)
            for _ in range(arguments.cameras)
        ]
        for number, run in enumerate(runs, 1):
            rate, latency = run.result()
            print(f"camera {number}: {rate:.1f} frames/s, median latency {latency:.1f} ms")


if __name__ == "__main__":
    main()
