"""What refusing a photo costs the server's event loop, at the gate and in a route.

    python -m load_tests.refusals [--requests N]

A client that does not read its answer holds the only place. `/predict` refuses at the gate, before
routing; the Open Inference Protocol, whose paths have parts to be matched, in its route, which is
another one and has a few parameters fewer. Prints milliseconds of the server's CPU a refusal, by
turns; writes results/refusals.json.
"""

from __future__ import annotations

import argparse
import http
import statistics
import tempfile
from pathlib import Path

import psutil

from load_tests.bench import photo_file
from load_tests.client import Client
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ServerProcess
from tests.support.wire import unread_answer

_PATHS = {"gate": "/predict", "route": f"/v2/models/{Settings().model}/infer"}
_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        small = photo_file(Path(folder), (1280, 720)).read_bytes()
        large = photo_file(Path(folder), (4000, 3000)).read_bytes()
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}")
    costs: dict[str, list[float]] = {name: [] for name in _PATHS}
    settings = {
        "cache_dir": str(Settings().cache_dir),
        "max_requests": "1",
        "client_share": "1",
        "send_timeout_seconds": "600",
    }
    with ServerProcess(**settings) as server, unread_answer(server, large):
        clients = {name: Client(server.url + path, small) for name, path in _PATHS.items()}
        for _ in range(_ROUNDS):
            for name, client in clients.items():
                costs[name].append(_cpu_milliseconds(server, client, requests))
    medians = {name: round(statistics.median(taken), 2) for name, taken in costs.items()}
    for name, cost in medians.items():
        print(f"refused at the {name:6} {cost:.2f} ms of CPU")
    write_result("refusals", medians)


def _cpu_milliseconds(server: ServerProcess, client: Client, requests: int) -> float:
    process = psutil.Process(server.process.pid)
    before = process.cpu_times()
    for _ in range(requests):
        if client.post().status != http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise RuntimeError("the place was given up")
    after = process.cpu_times()
    return 1000 * (after.user + after.system - before.user - before.system) / requests


if __name__ == "__main__":
    main()
