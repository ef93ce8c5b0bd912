"""A folder of photos or clips on a Ray cluster: what is done is skipped, failures are reported."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import orjson
from tqdm import tqdm

from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE, Order, Worker
from service.machine.cpu import cpu_budget

REPORT = "failures.jsonl"

# Tasks are small enough that a lost worker costs little, and large enough that the scheduler has
# little to do.
_TASKS_A_WORKER = 4
# Only names travel through Ray's memory; files and depth maps do not.
_OBJECT_STORE_BYTES = 200_000_000


@dataclass
class BulkSummary:
    """How many files went which way."""

    skipped: int = 0
    done: int = 0
    failed: int = 0


def run_bulk(order: Order, address: str | None, workers: int | None) -> BulkSummary:
    """Make the missing outputs of a folder; blocks until all files were tried.

    ``address`` is a Ray cluster's (None: one of this machine's cores, started and stopped here),
    ``workers`` the number of processes (None: one per core). Files, outputs, weights and this
    package must be at the same paths on every machine. Raises ImportError without Ray.
    """
    outputs = OutputFolder(order.outputs)
    outputs.open()
    files = list(order.files())
    missing = [os.fsencode(file) for file in files if not outputs.has(order.output_of(file))]
    summary = BulkSummary(skipped=len(files) - len(missing))
    with (order.outputs / REPORT).open("w") as report:
        bar = tqdm(total=len(files), initial=summary.skipped, unit=order.unit)
        for file, error, detail in _on_ray(order, missing, address, workers):
            bar.update()
            if error == DONE:
                summary.done += 1
            else:
                summary.failed += 1
                _write_failure(report, order.unit, file, error, detail)
        bar.close()
    outputs.close()
    return summary


def _on_ray(
    order: Order, files: list[bytes], address: str | None, workers: int | None
) -> Iterator[tuple[bytes, str, str]]:
    """File, error and detail of every file, as they come."""
    if not files:
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
        size = max(1, min(order.largest_task, len(files) // (_TASKS_A_WORKER * count)))
        # A block is a task: what a worker has in hand, and what is done again if it dies.
        blocks = [
            pyarrow.table({"file": files[start : start + size]})
            for start in range(0, len(files), size)
        ]
        # Ray Data replaces lost workers and does their tasks again, however often; OutputFolder
        # gives up a file that ends its workers.
        results = ray.data.from_arrow(blocks).map_batches(
            _Task,
            fn_constructor_args=(order,),
            batch_size=None,
            concurrency=count,
            num_cpus=1,
        )
        for batch in results.iter_batches(batch_size=None):
            yield from zip(batch["file"], batch["error"], batch["detail"], strict=True)
    finally:
        ray.shutdown()


class _Task:
    """A process of Ray's, which calls it with names."""

    def __init__(self, order: Order) -> None:
        self._worker: Worker = order.worker()

    def __call__(self, batch: dict[str, Sequence[bytes]]) -> dict[str, Sequence[Any]]:
        return self._worker(batch)


def _write_failure(report: TextIO, unit: str, file: bytes, error: str, detail: str) -> None:
    # Names of files may be no text.
    name = bytes(file).decode("utf-8", "backslashreplace")
    line = orjson.dumps({unit: name, "type": str(error), "detail": str(detail)})
    report.write(line.decode() + "\n")
    report.flush()
