"""Throughput and latency of 1, 2 and 4 replicas behind nginx on this machine.

    python -m load_tests.replicas [--seconds N]

Needs nginx; writes results/replicas.json. Replicas share the cores: what this shows is the price
of more processes, not the gain of more machines (docs/capacity.md has the model for that).
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.client import Client, throughput
from load_tests.machine import machine_facts, write_result
from service.inference.threads import cpu_budget
from service.settings import Settings
from tests.support.balancer import balancer
from tests.support.server import ServerProcess

_REPLICAS = (1, 2, 4)
_CLIENTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    if shutil.which("nginx") is None:
        print("nginx is not installed: replicas were not measured")
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {_CLIENTS} clients")
    figures: dict[str, object] = {}
    for count in _REPLICAS:
        threads = str(max(1, cpu_budget() // count))
        with contextlib.ExitStack() as running:
            servers = [
                running.enter_context(
                    ServerProcess(cache_dir=str(Settings().cache_dir), threads=threads)
                )
                for _ in range(count)
            ]
            url = running.enter_context(balancer([server.url for server in servers])) + "/predict"
            for _ in range(4 * count):
                if Client(url, photo).post().status != 200:
                    raise RuntimeError("nginx or a replica does not answer")
            result = throughput(url, photo, _CLIENTS, seconds)
        print(f"{count} replicas of {threads} threads: {result}")
        figures[str(count)] = {"threads": int(threads), **asdict(result)}
    write_result("replicas", figures)


if __name__ == "__main__":
    main()
