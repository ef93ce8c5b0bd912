"""The service beside what a user would run instead, each with the same network and photo.

    python -m load_tests.frameworks [--model NAME] [--rounds N]

Needs `pip install -e '.[bench]'`. All servers are up at once and measured in turn, so that noise
of the machine meets all of them; those not measured are stopped, since some of them poll while
idle. Writes results/frameworks.json.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.client import Client, throughput
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ROOT, free_port

_CLIENTS = 4
_SECONDS = 5.0
_SINGLE = 20
_WARM_UP = 3
_READY_SECONDS = 120

_PYTHON = [sys.executable, "-m"]
_BENTOML = str(Path(sys.executable).with_name("bentoml"))
_APPS = "load_tests.alternatives"

Command = Callable[[int, str], list[str]]
SERVERS: dict[str, Command] = {
    "this service": lambda port, model: [*_PYTHON, "service", "serve", "--port", str(port)],
    "Flask + torch eager (the demo)": lambda port, model: [
        *_PYTHON, f"{_APPS}.flask_demo", "--port", str(port), "--model", model,
    ],
    "LitServe, cv2 handler": lambda port, model: _litserve(port, model, "cv2"),
    "LitServe, our imaging": lambda port, model: _litserve(port, model, "ours"),
    "BentoML, cv2 handler": lambda port, model: _bentoml(port),
    "BentoML, our imaging": lambda port, model: _bentoml(port),
}  # fmt: skip


def _litserve(port: int, model: str, imaging: str) -> list[str]:
    arguments = ["--port", str(port), "--model", model, "--imaging", imaging]
    return [*_PYTHON, f"{_APPS}.litserve_app", *arguments]


def _bentoml(port: int) -> list[str]:
    service = f"{_APPS}.bentoml_app:DepthService"
    return [_BENTOML, "serve", service, "--host", "127.0.0.1", "--port", str(port)]


@dataclass(frozen=True)
class Server:
    """A running server and its process group."""

    url: str
    group: int

    def pause(self) -> None:
        os.killpg(self.group, signal.SIGSTOP)

    @contextlib.contextmanager
    def awake(self) -> Iterator[str]:
        os.killpg(self.group, signal.SIGCONT)
        try:
            yield self.url
        finally:
            self.pause()


@contextlib.contextmanager
def running(name: str, model: str, photo: bytes) -> Iterator[Server]:
    """Start a server, wait until it answers, yield it, end it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/predict"
    environment = os.environ | {
        "DEPTH_MODEL": model,
        "BENCH_MODEL": model,
        "BENCH_IMAGING": "ours" if "our imaging" in name else "cv2",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            SERVERS[name](port, model),
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_it_answers(url, photo, process)
            server = Server(url, process.pid)
            server.pause()
            yield server
        finally:
            # The frameworks have worker processes: end the whole group.
            for number in (signal.SIGCONT, signal.SIGTERM):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until_it_answers(url: str, photo: bytes, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(OSError):
            if Client(url, photo).post().status == 200:
                return
        time.sleep(0.25)
    raise RuntimeError(f"the server on {url} did not start")


def measure(servers: dict[str, Server], photo: bytes, rounds: int) -> dict[str, dict[str, float]]:
    """Median latency of one client and images a second of four, over alternating rounds."""
    latencies: dict[str, list[float]] = {name: [] for name in servers}
    rates: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds):
        # Nobody always comes first.
        turn = number % len(servers)
        names = list(servers)[turn:] + list(servers)[:turn]
        for name in names:
            with servers[name].awake() as url:
                client = Client(url, photo)
                for _ in range(_WARM_UP):
                    client.post()
                latencies[name] += [client.post().milliseconds for _ in range(_SINGLE)]
                rates[name].append(throughput(url, photo, _CLIENTS, _SECONDS).images_per_second)
    return {
        name: {
            "p50_ms": round(statistics.median(latencies[name]), 1),
            "images_per_second": round(statistics.median(rates[name]), 1),
        }
        for name in servers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=Settings().model)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = photo_file(Path(folder), (1280, 720)).read_bytes()
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(name, arguments.model, photo)) for name in SERVERS
        }
        results = measure(servers, photo, arguments.rounds)
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {arguments.model}")
    print(f"{'1280x720 JPEG to heatmap':32} {'p50, 1 client':>14} {'images/s, 4 clients':>20}")
    ours = results["this service"]
    for name, result in results.items():
        slower = result["p50_ms"] / ours["p50_ms"]
        faster = ours["images_per_second"] / result["images_per_second"]
        print(
            f"{name:32} {result['p50_ms']:>8} ms {slower:>4.1f}x "
            f"{result['images_per_second']:>12} {1 / faster:>4.2f}x"
        )
    write_result("frameworks", {"model": arguments.model, **results})


if __name__ == "__main__":
    main()
