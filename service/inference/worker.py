"""The one thread that runs networks, and its heartbeat."""

from __future__ import annotations

import concurrent.futures
import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.imaging.transforms import Tensor
from service.inference.batch import Outcome, run_batch
from service.inference.engines.base import Engine

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_SLOWEST_BATCH_FACTOR = 10


@dataclass(frozen=True)
class BatchResult:
    """Outcomes of one batch in the order of its tensors, and the seconds it took."""

    outcomes: list[Outcome]
    seconds: float


@dataclass(frozen=True)
class _Task:
    engine: Engine
    tensors: Sequence[Tensor]
    future: concurrent.futures.Future[BatchResult]


class InferenceWorker:
    """Runs batches one after the other in a thread of its own.

    The heartbeat is renewed between batches and every second while idle, so its age is the time
    the current batch has taken. Nothing a network raises ends the thread; should it end all the
    same, the batch in hand fails, and the next goes to a new thread.
    """

    def __init__(self, heartbeat_timeout_seconds: float) -> None:
        self._timeout = heartbeat_timeout_seconds
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread = self._new_thread()
        self._beat_at = time.monotonic()
        self._slowest_batch = 0.0
        self.restarts = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Let the thread finish the batch in hand and end."""
        self._tasks.put(None)
        self._thread.join(timeout)

    def submit(
        self, engine: Engine, tensors: Sequence[Tensor]
    ) -> concurrent.futures.Future[BatchResult]:
        """Queue a batch; the future's result carries one outcome an item and never raises them."""
        task = _Task(engine, tensors, concurrent.futures.Future())
        self._tasks.put(task)
        return task.future

    def heartbeat_age(self) -> float:
        """Seconds since the thread last moved."""
        return time.monotonic() - self._beat_at

    def is_healthy(self) -> bool:
        """Whether the thread is alive and not stuck in a batch."""
        limit = max(self._timeout, _SLOWEST_BATCH_FACTOR * self._slowest_batch)
        return self._thread.is_alive() and self.heartbeat_age() < limit

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="inference", daemon=True)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException:
            self.restarts += 1
            self._thread = self._new_thread()
            self._thread.start()
            raise

    def _work(self) -> None:
        while True:
            self._beat_at = time.monotonic()
            try:
                task = self._tasks.get(timeout=_BEAT_SECONDS)
            except queue.Empty:
                continue
            if task is None:
                return
            self._beat_at = time.monotonic()
            self._run_task(task)

    def _run_task(self, task: _Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        started = time.monotonic()
        try:
            outcomes = run_batch(task.engine, task.tensors)
        except BaseException as error:
            # Not an Exception: the thread ends, but its caller must not wait for ever.
            logger.critical("the inference thread ends", exc_info=True)
            task.future.set_exception(RuntimeError(f"the inference thread ended: {error!r}"))
            raise
        seconds = time.monotonic() - started
        self._slowest_batch = max(self._slowest_batch, seconds)
        task.future.set_result(BatchResult(outcomes, seconds))
