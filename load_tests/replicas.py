"""Throughput and latency of 1, 2 and 4 replicas behind nginx on this machine.

    python -m load_tests.replicas [--seconds N] [--rounds N]

Needs nginx; writes results/replicas.json. Medians of rounds in which the numbers of replicas take
turns, so that noise of the machine meets all of them. Replicas share the cores: this is about more
processes, not about more machines (docs/capacity.md has the model for that).
"""

from __future__ import annotations

import argparse
import contextlib
import http
import shutil
import statistics
import tempfile
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.client import Client, Throughput, throughput
from load_tests.machine import machine_facts, write_result
from service.machine.cpu import cpu_budget
from service.settings import Settings
from tests.support.balancer import balancer
from tests.support.server import ServerProcess

_REPLICAS = (1, 2, 4)
_CLIENTS = 8


def measure(count: int, photo: bytes, seconds: float) -> Throughput:
    """What the clients get out of so many replicas, which share the cores."""
    threads = str(threads_of(count))
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(
                ServerProcess(cache_dir=str(Settings().cache_dir), threads=threads)
            )
            for _ in range(count)
        ]
        url = running.enter_context(balancer([server.url for server in servers])) + "/predict"
        for _ in range(4 * count):
            if Client(url, photo).post().status != http.HTTPStatus.OK:
                raise RuntimeError("nginx or a replica does not answer")
        return throughput(url, photo, _CLIENTS, seconds)


def threads_of(count: int) -> int:
    """Inference threads of each of so many replicas."""
    return max(1, cpu_budget() // count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    if shutil.which("nginx") is None:
        print("nginx is not installed: replicas were not measured")
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {_CLIENTS} clients")
    results: dict[int, list[Throughput]] = {count: [] for count in _REPLICAS}
    for _ in range(arguments.rounds):
        for count, taken in results.items():
            taken.append(measure(count, photo, arguments.seconds))
    figures: dict[str, object] = {}
    for count, taken in results.items():
        medians = {
            name: round(statistics.median(getattr(one, name) for one in taken), 1)
            for name in ("images_per_second", "p50_ms", "p95_ms")
        }
        print(f"{count} replicas of {threads_of(count)} threads: {medians}")
        figures[str(count)] = {"threads": threads_of(count), **medians}
    write_result("replicas", figures)


if __name__ == "__main__":
    main()
