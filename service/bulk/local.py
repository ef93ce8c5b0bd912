"""Workers of a folder's run on this machine: processes of this package, without Ray."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

from service.bulk.worker import Order, Worker
from service.errors import WorkerLost

# The claims of OutputFolder give up a file that ends its workers; who ends before the first file
# would be started again for ever.
_MOST_VAIN_STARTS = 4


def on_processes(
    order: Order, files: list[bytes], processes: int
) -> Iterator[tuple[bytes, str, str]]:
    """File, error and detail of every file, as they come; ended processes are replaced.

    Raises :class:`WorkerLost` when they end before they have done anything.
    """
    left = dict.fromkeys(files)
    vain_starts = 0
    while left:
        before = len(left)
        for result in _until_broken(order, list(left), processes):
            del left[result[0]]
            yield result
        vain_starts = 0 if len(left) < before else vain_starts + 1
        if vain_starts == _MOST_VAIN_STARTS:
            raise WorkerLost("Worker processes end as soon as they are started.")


def _until_broken(
    order: Order, files: list[bytes], processes: int
) -> Iterator[tuple[bytes, str, str]]:
    """What is done before a process ends that should not."""
    pool = concurrent.futures.ProcessPoolExecutor(
        min(processes, len(files)),
        # A copy of this process would share the locks of its threads.
        multiprocessing.get_context("spawn"),
        _begin,
        (order,),
    )
    try:
        tasks = [pool.submit(_do, file) for file in files]
        for task in concurrent.futures.as_completed(tasks):
            yield task.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(cancel_futures=True)


class _Process:
    """Of a worker process."""

    worker: Worker


def _begin(order: Order) -> None:
    # A terminal interrupts all of its processes; what is in hand is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Process.worker = order.worker()


def _do(file: bytes) -> tuple[bytes, str, str]:
    done = _Process.worker({"file": [file]})
    return file, done["error"][0], done["detail"][0]
