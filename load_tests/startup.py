"""From the command to the first 200 of /readyz, with a converted network in the cache.

    python -m load_tests.startup [--rounds N]

Prints seconds and resident memory; writes results/startup.json.
"""

from __future__ import annotations

import argparse
import statistics
import time

from load_tests.machine import write_result
from service.models.spec import SAMPLE_PHOTO
from service.settings import Settings
from tests.support.server import ServerProcess


def start_once() -> tuple[float, float]:
    """Seconds to ready, and resident MB after the first photo."""
    started = time.perf_counter()
    with ServerProcess(cache_dir=str(Settings().cache_dir)) as server:
        server.client.get("/readyz").raise_for_status()
        seconds = time.perf_counter() - started
        photo = SAMPLE_PHOTO.read_bytes()
        server.client.post("/predict", files={"image": photo}).raise_for_status()
        return seconds, server.metric("process_resident_memory_bytes") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    start_once()  # The first start may convert, and fills the file cache.
    runs = [start_once() for _ in range(arguments.rounds)]
    seconds = statistics.median(run[0] for run in runs)
    resident = statistics.median(run[1] for run in runs)
    print(f"ready after {seconds:.2f} s, {resident:.0f} MB resident after the first photo")
    write_result("startup", {"seconds_to_ready": round(seconds, 2), "resident_mb": round(resident)})


if __name__ == "__main__":
    main()
