"""What a flooding client does to another: latency of one client beside sixty connections.

    python -m load_tests.fairness [--seconds N]

Prints p50 and p95 of a client that sends one photo at a time: alone, beside one other such client,
and beside a client that floods. Writes results/fairness.json.
"""

from __future__ import annotations

import argparse
import http
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from load_tests.bench import percentile, photo_file
from load_tests.client import Client
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ROOT, ServerProcess

# Every address of 127.0.0.0/8 is this machine, and another client to the service.
_MODEST, _OTHER = "127.0.0.2", "127.0.0.3"
_FLOOD_CONNECTIONS = 60


class Neighbour:
    """Another client, in a process of its own: some connections, each always with a request."""

    def __init__(self, url: str, photo: Path, connections: int) -> None:
        self._arguments = [url, str(photo), str(connections)]
        self.answered = 0
        self.refused = 0

    def __enter__(self) -> Neighbour:
        self._process = subprocess.Popen(
            # Clients have machines of their own in life: here they get what the server leaves.
            ["nice", "-n", "19", sys.executable, "-m", "load_tests.fairness", *self._arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.answered, self.refused = map(int, self._process.communicate("")[0].split())


def neighbour(url: str, photo: bytes, connections: int) -> None:
    """The neighbour's process: asks until its standard input is closed, then prints counts."""
    stop = threading.Event()
    statuses: Counter[int] = Counter()

    def run() -> None:
        while not stop.is_set():
            status = Client(url, photo, source=_OTHER).post().status
            statuses[status] += 1
            if status != http.HTTPStatus.OK:
                stop.wait(0.1)

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    answered = statuses[http.HTTPStatus.OK]
    print(answered, statuses.total() - answered)


def latency(url: str, photo: bytes, seconds: float) -> dict[str, float]:
    """Median and p95 of a client that sends one photo after the other."""
    client = Client(url, photo, source=_MODEST)
    times: list[float] = []
    stop_at = time.perf_counter() + seconds
    while time.perf_counter() < stop_at:
        answer = client.post()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"the modest client was refused: {answer.body!r}")
        times.append(answer.milliseconds)
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(percentile(times, 0.95), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("neighbour", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.neighbour:
        url, photo_path, connections = arguments.neighbour
        neighbour(url, Path(photo_path).read_bytes(), int(connections))
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (clients included), {facts['date']}")
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(cache_dir=str(Settings().cache_dir)) as server,
    ):
        photo = photo_file(Path(folder), (1280, 720))
        url = f"{server.url}/predict"
        latency(url, photo.read_bytes(), 2)
        for name, connections in (
            ("alone", 0),
            ("beside one client", 1),
            ("beside a flood", _FLOOD_CONNECTIONS),
        ):
            with Neighbour(url, photo, connections) as other:
                time.sleep(1)
                figures[name] = latency(url, photo.read_bytes(), arguments.seconds)
            figures[name] |= {"neighbour_answered": other.answered, "refused": other.refused}
            print(f"{name:20} {figures[name]}")
    worse = figures["beside a flood"]["p95_ms"] / figures["beside one client"]["p95_ms"]
    figures["flood_to_one_client_p95"] = round(worse, 2)
    print(f"p95 beside a flood is {worse:.2f} of that beside one client")
    write_result("fairness", figures)


if __name__ == "__main__":
    main()
