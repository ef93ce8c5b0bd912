"""The one thread that runs networks, and its heartbeat."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray
from service.inference.batch import BatchItem, run_batch
from service.inference.engines.base import Engine
from service.observability.context import log_lines_of

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_SLOWEST_CALL_FACTOR = 10


@dataclass(frozen=True)
class Inferred:
    """A depth map ``(h, w)`` float32, when the call it comes from began, and its seconds.

    ``started`` is by ``time.monotonic()``.
    """

    depth: DepthArray
    started: float
    seconds: float


@dataclass(frozen=True)
class _Job:
    item: BatchItem
    future: concurrent.futures.Future[Inferred] = field(default_factory=concurrent.futures.Future)


@dataclass(frozen=True)
class _Batch:
    engine: Engine
    jobs: list[_Job]

    def calls(self) -> Iterator[list[_Job]]:
        """What goes through the network together."""
        if self.engine.one_by_one:
            yield from ([job] for job in self.jobs)
        else:
            yield self.jobs


class InferenceWorker:
    """Runs batches one after the other in a thread of its own.

    The heartbeat is renewed between calls of the network and every second while idle, so its age
    is the time the current call has taken. Nothing a network raises ends the thread; should it end
    all the same, the batch in hand fails, and the next goes to a new thread.
    """

    def __init__(self, heartbeat_timeout_seconds: float) -> None:
        self._timeout = heartbeat_timeout_seconds
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread = self._new_thread()
        self._beat_at = time.monotonic()
        self._slowest_call = 0.0
        self.restarts = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Let the thread finish the batch in hand and end."""
        self._batches.put(None)
        self._thread.join(timeout)

    def submit(
        self, engine: Engine, items: Sequence[BatchItem]
    ) -> list[concurrent.futures.Future[Inferred]]:
        """Queue a batch; a future an item, done when the call it was in is.

        Where the engine takes items one by one, that is before the rest of the batch, and an item
        whose future was cancelled meanwhile is left out. What fails has :class:`InferenceFailed`.
        """
        batch = _Batch(engine, [_Job(item) for item in items])
        self._batches.put(batch)
        return [job.future for job in batch.jobs]

    def heartbeat_age(self) -> float:
        """Seconds since the thread last moved."""
        return time.monotonic() - self._beat_at

    def is_healthy(self) -> bool:
        """Whether the thread is alive and not stuck in a call."""
        limit = max(self._timeout, _SLOWEST_CALL_FACTOR * self._slowest_call)
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
                batch = self._batches.get(timeout=_BEAT_SECONDS)
            except queue.Empty:
                continue
            if batch is None:
                return
            self._run_batch(batch)
            # Else the network of the last batch could not be unloaded.
            del batch

    def _run_batch(self, batch: _Batch) -> None:
        try:
            for call in batch.calls():
                wanted = [job for job in call if job.future.set_running_or_notify_cancel()]
                if wanted:
                    self._call(batch.engine, wanted)
        except BaseException as error:
            # Not an Exception: the thread ends, but its callers must not wait for ever.
            with log_lines_of(*dict.fromkeys(job.item.request_id for job in batch.jobs)):
                logger.critical("the inference thread ends", exc_info=True)
            for job in batch.jobs:
                with contextlib.suppress(concurrent.futures.InvalidStateError):
                    job.future.set_exception(RuntimeError(f"the inference thread ended: {error!r}"))
            raise

    def _call(self, engine: Engine, jobs: Sequence[_Job]) -> None:
        self._beat_at = started = time.monotonic()
        for job in jobs:
            job.item.on_start()
        outcomes = run_batch(engine, [job.item for job in jobs])
        seconds = time.monotonic() - started
        self._slowest_call = max(self._slowest_call, seconds)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, InferenceFailed):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(Inferred(outcome, started, seconds))
