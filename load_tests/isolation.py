"""What decoding in processes of its own costs: DEPTH_DECODE_ISOLATION none beside process.

    python -m load_tests.isolation [--rounds N]

Both servers are up and measured in turn; writes results/isolation.json. Memory is the proportional
set size of a server and its decoders: pages that they share count once. CPU time is of both too,
and tells the cost also where other programs take turns with them.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from load_tests.bench import SIZES, photo_file, stage_medians
from load_tests.client import Client, throughput
from load_tests.machine import machine_facts, write_result
from service.decoding.process import DecodeProcess
from service.settings import DecodeIsolation, Settings
from tests.support.server import ServerProcess

_BURST = 10
_CLIENTS = 4
_SECONDS = 2.0


class Measured:
    """A server, the clients that ask it, and what they saw."""

    def __init__(self, isolation: DecodeIsolation, photos: dict[str, bytes]) -> None:
        self.server = ServerProcess(
            cache_dir=str(Settings().cache_dir), decode_isolation=isolation.value
        )
        self._url = f"{self.server.url}/predict"
        self._photos = photos
        self._clients = {name: Client(self._url, photo) for name, photo in photos.items()}
        self._latencies: dict[str, list[float]] = {name: [] for name in photos}
        self._timings: dict[str, list[str]] = {name: [] for name in photos}
        self._rates: dict[str, list[float]] = {name: [] for name in photos}
        self._cpu_seconds = dict.fromkeys(photos, 0.0)

    def ask(self) -> None:
        """A burst of one client for each photo; the first answer only warms up."""
        for name, client in self._clients.items():
            client.post()
            before = self._cpu()
            for _ in range(_BURST):
                answer = client.post()
                assert answer.status == 200
                self._latencies[name].append(answer.milliseconds)
                self._timings[name].append(answer.server_timing)
            self._cpu_seconds[name] += self._cpu() - before

    def crowd(self) -> None:
        """Several clients at once for each photo."""
        for name, photo in self._photos.items():
            rate = throughput(self._url, photo, _CLIENTS, _SECONDS).images_per_second
            self._rates[name].append(rate)

    def figures(self) -> dict[str, object]:
        """Medians, and the memory after it all."""
        found: dict[str, object] = {}
        for name in self._photos:
            stages = stage_medians(self._timings[name])
            found[name] = {
                "p50_ms": round(statistics.median(self._latencies[name]), 1),
                "images_per_second": round(statistics.median(self._rates[name]), 1),
                "cpu_ms": round(1000 * self._cpu_seconds[name] / len(self._latencies[name]), 1),
                "decode_ms": round(stages["decode"], 2),
                "transform_ms": round(stages["transform"], 2),
            }
        service, *decoders = self._processes()
        found["service_mb"] = megabytes(service)
        found["decoders_mb"] = [megabytes(decoder) for decoder in decoders]
        return found

    def _cpu(self) -> float:
        """CPU seconds so far of the service and its decoders."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(time.user + time.system for time in times)

    def _processes(self) -> list[psutil.Process]:
        service = psutil.Process(self.server.process.pid)
        return [service, *service.children()]


def megabytes(process: psutil.Process) -> float:
    return round(process.memory_full_info().pss / 1e6, 1)


def start_seconds() -> float:
    """From starting a decode process to its first order."""
    started = time.perf_counter()
    process = DecodeProcess(memory_bytes=1 << 30)
    try:
        process.wait_until_ready()
        return time.perf_counter() - started
    finally:
        process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        photos = {name: photo_file(Path(folder), size).read_bytes() for name, size in SIZES.items()}
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (clients included), {facts['date']}")
    with contextlib.ExitStack() as stack:
        measured = {choice.value: Measured(choice, photos) for choice in DecodeIsolation}
        for one in measured.values():
            stack.enter_context(one.server)
        for _ in range(rounds):
            for one in measured.values():
                one.ask()
                one.crowd()
        figures: dict[str, object] = {name: one.figures() for name, one in measured.items()}
    start = statistics.median(start_seconds() for _ in range(5))
    figures["decoder_start_seconds"] = round(start, 2)
    for name, result in figures.items():
        print(f"{name:22} {result}")
    write_result("isolation", figures)


if __name__ == "__main__":
    main()
