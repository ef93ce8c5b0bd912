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
from pathlib import Path
from typing import Any

from load_tests.bench import photo_file
from load_tests.client import images_per_second
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ROOT, ServerProcess

_USERS_STEADY = 8
_USERS_OVERLOAD = 100


def run_profile(
    server: ServerProcess, profile: str, users: int, seconds: int, rate: float
) -> dict[str, Any]:
    """One profile; ``rate`` is requests a second of all users (for profiles that have one)."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", "load_tests/locustfile.py", profile),
            *("--headless", "--json", "--host", server.url),
            *("--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s"),
        ],
        cwd=ROOT,
        env=os.environ | {"LOAD_RATE_A_USER": str(rate / users)},
        capture_output=True,
        text=True,
        check=False,
    )
    figures: dict[str, Any] = {"refused": 0, "failed": 0}
    for row in json.loads(done.stdout):
        figures["failed"] += row["num_failures"]
        if row["name"] == "refused":
            figures["refused"] = row["num_requests"]
        else:
            figures["answered"] = row["num_requests"] - row["num_failures"]
            figures |= percentiles(row["response_times"])
    figures["answered_a_second"] = round(figures["answered"] / seconds, 1)
    figures["resident_mb"] = round(server.metric("process_resident_memory_bytes") / 1e6)
    return figures


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
        peak = images_per_second(f"{server.url}/predict", photo, clients=4, seconds=10)
        figures["peak_images_per_second"] = round(peak, 1)
        print(f"peak with 4 clients: {peak:.1f} images/s")
        profiles = (
            ("OneClient", 1, 0.0),
            ("Steady", _USERS_STEADY, 0.8 * peak),
            ("Overload", _USERS_OVERLOAD, 10 * peak),
            ("MixedSizes", 4, 0.0),
        )
        for profile, users, rate in profiles:
            result = run_profile(server, profile, users, seconds, rate or users)
            figures[profile] = result
            print(f"{profile:12} {result}")
    write_result("load", figures)


if __name__ == "__main__":
    main()
