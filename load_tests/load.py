"""Load profiles with Locust, headless: what is answered and refused, how fast, in how much RAM.

    python -m load_tests.load [--seconds N]

Needs `pip install -e '.[bench]'`; writes results/load.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from load_tests.bench import photo_file
from load_tests.client import throughput
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ROOT, ServerProcess

_SAMPLE_SECONDS = 0.1
_PEAK_SECONDS = 10


@dataclass(frozen=True)
class Profile:
    """Locust user classes, their number, and requests a second of all users together."""

    users: tuple[str, ...]
    count: int
    rate: float = 0.0


def run_profile(server: ServerProcess, profile: Profile, seconds: int) -> dict[str, Any]:
    """Run one profile; what was answered and refused, and the memory and CPU that it took."""
    rate_a_user = profile.rate / profile.count if profile.rate else 1.0
    cpu_before = cpu_seconds(server)
    with PeakMemory(server.process.pid) as memory:
        done = subprocess.run(
            [
                # Clients have machines of their own in life: here they get what the server leaves.
                *("nice", "-n", "19", sys.executable, "-m", "locust"),
                *("-f", "load_tests/locustfile.py", *profile.users, "--headless", "--json"),
                *("--host", server.url, "--run-time", f"{seconds}s"),
                *("--users", str(profile.count), "--spawn-rate", str(profile.count)),
            ],
            cwd=ROOT,
            env=os.environ | {"LOAD_RATE_A_USER": str(rate_a_user)},
            capture_output=True,
            text=True,
            check=False,
        )
    figures: dict[str, Any] = {"answered": 0, "refused": 0, "failed": 0}
    for row in json.loads(done.stdout):
        figures["failed"] += row["num_failures"]
        succeeded = row["num_requests"] - row["num_failures"]
        figures[row["name"]] = succeeded
        if row["name"] == "answered":
            figures |= percentiles(row["response_times"])
            figures["answered_a_second"] = round(succeeded / seconds, 1)
    figures["arrived_a_second"] = round((figures["answered"] + figures["refused"]) / seconds, 1)
    figures["peak_resident_mb"] = round(memory.megabytes)
    if figures["answered"]:
        used = cpu_seconds(server) - cpu_before
        figures["cpu_ms_an_answer"] = round(1000 * used / figures["answered"], 1)
    return figures


def cpu_seconds(server: ServerProcess) -> float:
    """CPU time that the server has used."""
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


class PeakMemory:
    """The most resident memory of a process while the context is open, sampled."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self.megabytes = 0.0

    def __enter__(self) -> PeakMemory:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.megabytes = max(self.megabytes, self._process.memory_info().rss / 1e6)


def percentiles(times: dict[str, int]) -> dict[str, float]:
    """p50, p95 and p99 of Locust's histogram of milliseconds."""
    ordered = sorted((float(ms), count) for ms, count in times.items())
    total = sum(count for _, count in ordered)
    found: dict[str, float] = {}
    for share in (50, 95, 99):
        seen = 0
        for ms, count in ordered:
            seen += count
            if seen >= share / 100 * total:
                found[f"p{share}_ms"] = ms
                break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (client included), {facts['date']}")
    figures: dict[str, Any] = {}
    with ServerProcess(cache_dir=str(Settings().cache_dir)) as server:
        url = f"{server.url}/predict"
        throughput(url, photo, clients=4, seconds=2)
        cpu_before = cpu_seconds(server)
        peak = throughput(url, photo, clients=4, seconds=_PEAK_SECONDS).images_per_second
        cpu_ms = 1000 * (cpu_seconds(server) - cpu_before) / (peak * _PEAK_SECONDS)
        idle = psutil.Process(server.process.pid).memory_info().rss / 1e6
        figures |= {
            "peak_images_per_second": peak,
            "peak_cpu_ms_an_answer": round(cpu_ms, 1),
            "idle_resident_mb": round(idle),
        }
        print(
            f"peak with 4 clients: {peak} images/s of {cpu_ms:.1f} ms of CPU each; {idle:.0f} MB "
            "resident after it"
        )
        profiles = {
            "one client": Profile(("OneClient",), 1),
            "steady, 80% of the peak": Profile(("Steady",), 8, 0.8 * peak),
            "overload, 10 times the peak": Profile(("Overload",), 100, 10 * peak),
            "mixed sizes, 4 clients": Profile(("MixedSizes",), 4),
            "30 slow clients beside 2": Profile(("Slow", "AmongSlow"), 32),
        }
        for name, profile in profiles.items():
            figures[name] = run_profile(server, profile, seconds)
            print(f"{name:28} {figures[name]}")
        # The clients have machines of their own in life. Here they share the cores, so that images
        # a second tell of them as much as of the server; its CPU time an image does not.
        overload = figures["overload, 10 times the peak"]
        share = cpu_ms / overload["cpu_ms_an_answer"]
        figures["overload_share_of_peak_by_cpu"] = round(share, 3)
        print(
            f"under overload {overload['answered_a_second'] / peak:.0%} of the peak's images a "
            f"second, {share:.0%} of its images a second of the server's CPU"
        )
    write_result("load", figures)


if __name__ == "__main__":
    main()
