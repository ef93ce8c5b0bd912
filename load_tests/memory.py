"""Resident memory over 2,000 requests, with torch loaded and without.

    python -m load_tests.memory [--requests N]

Prints the resident memory after a warm-up and after every tenth part; writes results/memory.json.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from load_tests.bench import photo_file
from load_tests.machine import write_result
from service.settings import Settings
from tests.support.server import ServerProcess

# Twelve aspect ratios: engines keep something for every shape they have seen.
_SIZES = (
    *((1280, 720), (720, 1280), (640, 480), (480, 640), (1000, 1000), (1080, 720)),
    *((1920, 400), (400, 1920), (1200, 500), (500, 1200), (1600, 200), (2560, 1440)),
)
_CLIENTS = 4


def resident_megabytes(server: ServerProcess) -> float:
    return round(server.metric("process_resident_memory_bytes") / 1e6, 1)


def measure(engine: str, requests: int, photos: list[bytes]) -> list[float]:
    """Resident MB after the warm-up and after each tenth of the requests."""
    with (
        ServerProcess(engine=engine, cache_dir=str(Settings().cache_dir)) as server,
        ThreadPoolExecutor(_CLIENTS) as pool,
    ):

        def ask(index: int) -> None:
            photo = photos[index % len(photos)]
            server.client.post("/predict", files={"image": photo}).raise_for_status()

        list(pool.map(ask, range(requests // 10)))
        resident = [resident_megabytes(server)]
        for _ in range(10):
            list(pool.map(ask, range(requests // 10)))
            resident.append(resident_megabytes(server))
    return resident


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    arguments = parser.parse_args()
    figures: dict[str, object] = {"requests": arguments.requests}
    with tempfile.TemporaryDirectory() as folder:
        photos = [photo_file(Path(folder), size).read_bytes() for size in _SIZES]
    for engine in ("openvino", "torch"):
        resident = measure(engine, arguments.requests, photos)
        growth = resident[-1] - resident[len(resident) // 2]
        figures[engine] = {"resident_mb": resident, "second_half_growth_mb": round(growth, 1)}
        print(f"{engine:9} resident MB: {resident}; growth in the second half: {growth:+.1f}")
    write_result("memory", figures)


if __name__ == "__main__":
    main()
