"""Workers of a folder's run on a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Sequence
from typing import Any

from service.bulk.worker import Order, Worker
from service.machine.cpu import cpu_budget

# Tasks are small enough that a lost worker costs little, and large enough that the scheduler has
# little to do.
_TASKS_A_WORKER = 4
# Only names travel through Ray's memory; files and depth maps do not.
_OBJECT_STORE_BYTES = 200_000_000


def on_ray(
    order: Order, files: list[bytes], address: str | None, workers: int | None
) -> Generator[tuple[bytes, str, str]]:
    """File, error and detail of every file, as they come.

    ``address`` is a Ray cluster's (None: one of this machine's cores, started and stopped here),
    ``workers`` the number of processes (None: one per core). Files, outputs, weights and this
    package must be at the same paths on every machine. Raises ImportError without Ray.
    """
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
        """Columns ``file``, ``error`` and ``detail`` for a column ``file``."""
        attempts = [self._worker.attempt(file) for file in batch["file"]]
        return {
            "file": batch["file"],
            "error": [error for _, error, _ in attempts],
            "detail": [detail for _, _, detail in attempts],
        }
