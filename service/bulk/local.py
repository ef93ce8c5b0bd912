"""Workers of a folder's run on this machine: processes of this package, without Ray."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Generator
from concurrent.futures.process import BrokenProcessPool

from service.bulk.worker import Order, Worker
from service.errors import WorkerLost

# The claims of OutputFolder give up a file that ends its workers; who ends before the first file
# would be started again for ever.
_MOST_VAIN_STARTS = 4


def on_processes(
    order: Order, files: list[bytes], processes: int
) -> Generator[tuple[bytes, str, str]]:
    """File, error and detail of every file, as they come; ended processes are replaced.

    Raises :class:`WorkerLost` when they end before they have done anything.
    """
    left = iter(files)
    places = [_Place(order) for _ in range(min(processes, len(files)))]
    running = {place.begin(file): (place, file) for place, file in zip(places, left, strict=False)}
    try:
        while running:
            ended = concurrent.futures.FIRST_COMPLETED
            for task in concurrent.futures.wait(running, return_when=ended).done:
                place, file = running.pop(task)
                try:
                    yield task.result()
                except BrokenProcessPool:
                    place.replace()
                else:
                    place.vain_starts = 0
                    if (following := next(left, None)) is None:
                        continue
                    file = following
                running[place.begin(file)] = place, file
    finally:
        for place in places:
            place.close()


class _Place:
    """One process at a time, and its replacements: a pool of several loses all with one."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._pool = self._start()
        self.vain_starts = 0

    def begin(self, file: bytes) -> concurrent.futures.Future[tuple[bytes, str, str]]:
        try:
            return self._pool.submit(_do, file)
        except BrokenProcessPool:
            # It ended while it had nothing to do.
            self.replace()
            return self._pool.submit(_do, file)

    def replace(self) -> None:
        """Raises :class:`WorkerLost` where that has been in vain."""
        self.close()
        self.vain_starts += 1
        if self.vain_starts == _MOST_VAIN_STARTS:
            raise WorkerLost("Worker processes end as soon as they are started.")
        self._pool = self._start()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> concurrent.futures.ProcessPoolExecutor:
        # A copy of this process would share the locks of its threads.
        spawned = multiprocessing.get_context("spawn")
        return concurrent.futures.ProcessPoolExecutor(1, spawned, _begin, (self._order,))


class _Process:
    """Of a worker process."""

    worker: Worker


def _begin(order: Order) -> None:
    # A terminal interrupts all of its processes; what is in hand is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Process.worker = order.worker()


def _do(file: bytes) -> tuple[bytes, str, str]:
    return _Process.worker.attempt(file)
