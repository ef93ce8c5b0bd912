"""Requests lost in rolling restarts; throughput and latency of 1, 2 and 4 replicas behind nginx.

    python -m load_tests.replicas [--seconds N] [--rounds N] [--restarts N]

Needs nginx; writes results/replicas.json and restarts.json. Two replicas are restarted in turn
under load, behind nginx (clients that never try again) and behind a balancer of connections, which
stands for a Kubernetes Service (the client of docs/clients.md). Throughput and latency are medians
of rounds in which the numbers of replicas take turns, so that noise of the machine meets all of
them. Replicas share the cores: this is about more processes, not about more machines
(docs/capacity.md has the model for that).
"""

from __future__ import annotations

import argparse
import contextlib
import http
import shutil
import statistics
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.client import Client, Throughput, throughput
from load_tests.machine import machine_facts, write_result
from service.machine.cpu import cpu_budget
from service.settings import Settings
from tests.support.balancer import balancer
from tests.support.connection_balancer import ConnectionBalancer
from tests.support.rolling import Load, as_documented, pair_of_replicas
from tests.support.server import ServerProcess

_REPLICAS = (1, 2, 4)
_CLIENTS = 8
_BETWEEN_RESTARTS = 10


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


def restart_behind_nginx(count: int) -> Load:
    """What became of the requests while each of two replicas was restarted ``count`` times."""
    with (
        pair_of_replicas(cache_dir=str(Settings().cache_dir), drain_delay_seconds="0.3") as pair,
        balancer([replica.url for replica in pair]) as url,
        Load(url).running() as load,
    ):
        for replica in count * pair:
            load.wait_for_more(_BETWEEN_RESTARTS)
            replica.stop()
            replica.start()
    return load


def restart_behind_balancer_of_connections(count: int) -> Load:
    """The same for clients whose connections stay with the replica that drains."""
    with (
        pair_of_replicas(cache_dir=str(Settings().cache_dir), drain_delay_seconds="1.5") as pair,
        ConnectionBalancer(*(replica.url for replica in pair)) as connections,
        Load(connections.url, as_documented(), clients=6).running() as load,
    ):
        for replica in count * pair:
            load.wait_for_more(_BETWEEN_RESTARTS)
            replica.stop(when_unready=partial(connections.withdraw, replica.url))
            replica.start()
            connections.add(replica.url)
    return load


def threads_of(count: int) -> int:
    """Inference threads of each of so many replicas."""
    return max(1, cpu_budget() // count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--restarts", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    if shutil.which("nginx") is None:
        print("nginx is not installed: replicas were not measured")
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {_CLIENTS} clients")
    restarts = {
        "nginx": restart_behind_nginx(arguments.restarts),
        "balancer_of_connections": restart_behind_balancer_of_connections(arguments.restarts),
    }
    lost: dict[str, object] = {"restarts_of_each_replica": arguments.restarts}
    for name, load in restarts.items():
        print(f"{name}: {len(load.outcomes)} requests, {len(load.lost)} lost {Counter(load.lost)}")
        lost[name] = {"requests": len(load.outcomes), "lost": len(load.lost)}
    write_result("restarts", lost)
    if arguments.rounds == 0:
        return
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
