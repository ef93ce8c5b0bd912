"""Mixed traffic for minutes, one request in twenty hostile, to see whether anything grows.

    python -m load_tests.soak [--minutes N]

Prints resident memory, open files and threads of every half minute, and the slope of the memory
after the warm-up; writes results/soak.json. Exits with 1 when a promise of docs/reliability.md
breaks.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from load_tests.bench import photo_file
from load_tests.machine import machine_facts, write_result
from service.settings import Settings
from tests.support.server import ServerProcess

_CLIENTS = 4
_HOSTILE_SHARE = 0.05
_SAMPLES_A_MINUTE = 2
_LOOK_SECONDS = 0.1
_WARM_UP_SHARE = 0.2
_MOST_MEGABYTES_A_MINUTE = 1.0
_SPARE_FILES = 8
_SIZES = ((640, 480), (1280, 720), (720, 1280), (1000, 1000), (1920, 1080), (4000, 3000))
_QUERIES = ("", "?format=npy", "?format=depth16", "?format=json", "?size=network&colormap=turbo")


@dataclass(frozen=True)
class Sample:
    """The process in one half minute.

    The least memory is what it holds on to; the most has the photos that were being worked on.
    """

    minute: float
    least_mb: float
    most_mb: float
    files: int
    threads: int


class Traffic:
    """Clients that send photos of all sizes in all formats, and broken ones among them."""

    def __init__(self, url: str, photos: list[bytes]) -> None:
        self._url, self._photos = url, photos
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed),))  # noqa: S311
            for seed in range(_CLIENTS)
        ]
        self.statuses: Counter[str] = Counter()

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, rng: random.Random) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._stop.is_set():
                photo = rng.choice(self._photos)
                hostile = rng.random() < _HOSTILE_SHARE
                body = broken(photo, rng) if hostile else photo
                answer = client.post(
                    f"/v1/depth{rng.choice(_QUERIES)}",
                    content=body,
                    headers={"Content-Type": "image/jpeg"},
                )
                kind = "hostile" if hostile else "photo"
                self.statuses[f"{kind} {answer.status_code}"] += 1


def broken(photo: bytes, rng: random.Random) -> bytes:
    """A photo cut off, with bits flipped, or with its header overwritten."""
    data = bytearray(photo)
    match rng.randrange(3):
        case 0:
            del data[rng.randrange(len(data)) :]
        case 1:
            for _ in range(rng.randrange(1, 50)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case _:
            data[: rng.randrange(2, 600)] = rng.randbytes(rng.randrange(1, 600))
    return bytes(data)


def watch(process: psutil.Process, started: float, until: float) -> Sample:
    """Look at the process several times a second until that moment."""
    resident: list[float] = []
    while not resident or time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        resident.append(process.memory_info().rss / 1e6)
    return Sample(
        round((time.monotonic() - started) / 60, 2),
        round(min(resident), 1),
        round(max(resident), 1),
        process.num_fds(),
        process.num_threads(),
    )


def slope(samples: list[Sample]) -> float:
    """Growth of the memory it holds on to in MB a minute.

    The median of the slopes between all pairs (Theil-Sen): a half minute in which large photos
    were always under way is an outlier.
    """
    return statistics.median(
        (b.least_mb - a.least_mb) / (b.minute - a.minute)
        for a, b in itertools.combinations(samples, 2)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        photos = [photo_file(Path(folder), size).read_bytes() for size in _SIZES]
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores (clients included), {facts['date']}")
    samples: list[Sample] = []
    with ServerProcess(cache_dir=str(Settings().cache_dir)) as server:
        process = psutil.Process(server.process.pid)
        started = time.monotonic()
        with Traffic(server.url, photos) as traffic:
            for tick in range(1, math.ceil(minutes * _SAMPLES_A_MINUTE) + 1):
                samples.append(watch(process, started, started + 60 / _SAMPLES_A_MINUTE * tick))
                print(samples[-1], flush=True)
        tracebacks = server.log().count("Traceback")
    settled = [item for item in samples if item.minute >= _WARM_UP_SHARE * minutes]
    growth = slope(settled)
    failures = {
        "resident memory grows": growth > _MOST_MEGABYTES_A_MINUTE,
        "open files grow": settled[-1].files > settled[0].files + _SPARE_FILES,
        "threads grow": settled[-1].threads > settled[0].threads,
        "a 5xx": any(status.split()[1].startswith("5") for status in traffic.statuses),
        "a traceback in the log": tracebacks > 0,
    }
    broken_promises = [name for name, failed in failures.items() if failed]
    print(f"answers: {dict(sorted(traffic.statuses.items()))}")
    print(f"resident memory: {growth:+.2f} MB a minute after the warm-up")
    print(f"broken promises: {', '.join(broken_promises) or 'none'}")
    write_result(
        "soak",
        {
            "minutes": minutes,
            "requests": dict(sorted(traffic.statuses.items())),
            "resident_mb_a_minute": round(growth, 2),
            "samples": [asdict(item) for item in samples],
            "broken_promises": broken_promises,
        },
    )
    sys.exit(1 if broken_promises else 0)


if __name__ == "__main__":
    main()
