"""A folder of photos on a Ray cluster: what is done is skipped, what fails is reported."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import orjson
from tqdm import tqdm

from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE, BulkOrder, PhotoWorker
from service.machine.cpu import cpu_budget
from service.pipeline.offline import output_name, photos_in

REPORT = "failures.jsonl"

# Few enough that a lost worker costs little, many enough that the scheduler has little to do.
_LARGEST_TASK = 64
_TASKS_A_WORKER = 4
# Only names travel through Ray's memory; photos and depth maps do not.
_OBJECT_STORE_BYTES = 200_000_000


@dataclass
class BulkSummary:
    """How many photos went which way."""

    skipped: int = 0
    done: int = 0
    failed: int = 0


def run_bulk(order: BulkOrder, address: str | None, workers: int | None) -> BulkSummary:
    """Make the missing outputs of a folder; blocks until all photos were tried.

    ``address`` is a Ray cluster's (None: one of this machine's cores, started and stopped here),
    ``workers`` the number of processes (None: one per core). Photos, outputs, weights and this
    package must be at the same paths on every machine. Raises ImportError without Ray.
    """
    outputs = OutputFolder(order.outputs)
    outputs.open()
    photos = list(photos_in(order.photos))
    missing = [
        os.fsencode(photo) for photo in photos if not outputs.has(output_name(photo, order.format))
    ]
    summary = BulkSummary(skipped=len(photos) - len(missing))
    with (order.outputs / REPORT).open("w") as report:
        bar = tqdm(total=len(photos), initial=summary.skipped, unit="photo")
        for photo, error, detail in _on_ray(order, missing, address, workers):
            bar.update()
            if error == DONE:
                summary.done += 1
            else:
                summary.failed += 1
                _write_failure(report, photo, error, detail)
        bar.close()
    outputs.close()
    return summary


def _on_ray(
    order: BulkOrder, photos: list[bytes], address: str | None, workers: int | None
) -> Iterator[tuple[bytes, str, str]]:
    """Photo, error and detail of every photo, as they come."""
    if not photos:
        return
    # Nobody is told that it runs. Read when Ray is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import pyarrow
    import ray
    import ray.data

    own_cluster = {
        "num_cpus": workers or cpu_budget(),
        "object_store_memory": _OBJECT_STORE_BYTES,
        "include_dashboard": False,
    }
    ray.init(
        address=address or "local",
        log_to_driver=False,
        logging_level=logging.ERROR,
        **({} if address else own_cluster),
    )
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        size = max(1, min(_LARGEST_TASK, len(photos) // (_TASKS_A_WORKER * count)))
        # A block is a task: what a worker has in hand, and what is done again if it dies.
        blocks = [
            pyarrow.table({"photo": photos[start : start + size]})
            for start in range(0, len(photos), size)
        ]
        # Ray Data replaces lost workers and does their tasks again, however often; OutputFolder
        # gives up a photo that ends its workers.
        results = ray.data.from_arrow(blocks).map_batches(
            PhotoWorker,
            fn_constructor_args=(order,),
            batch_size=None,
            concurrency=count,
            num_cpus=1,
        )
        for batch in results.iter_batches(batch_size=None):
            yield from zip(batch["photo"], batch["error"], batch["detail"], strict=True)
    finally:
        ray.shutdown()


def _write_failure(report: TextIO, photo: bytes, error: str, detail: str) -> None:
    # Names of files may be no text.
    name = bytes(photo).decode("utf-8", "backslashreplace")
    line = orjson.dumps({"photo": name, "type": str(error), "detail": str(detail)})
    report.write(line.decode() + "\n")
    report.flush()
