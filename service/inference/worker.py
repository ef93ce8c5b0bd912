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
from service.imaging.transforms import DepthArray, Tensor
from service.inference.batch import run_batch
from service.inference.engines.base import Engine

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
class _Item:
    tensor: Tensor
    future: concurrent.futures.Future[Inferred] = field(default_factory=concurrent.futures.Future)


@dataclass(frozen=True)
class _Batch:
    engine: Engine
    items: list[_Item]

    def calls(self) -> Iterator[list[_Item]]:
        """What goes through the network together."""
        if self.engine.one_by_one:
            yield from ([item] for item in self.items)
        else:
            yield self.items


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
        self, engine: Engine, tensors: Sequence[Tensor]
    ) -> list[concurrent.futures.Future[Inferred]]:
        """Queue a batch; a future an item, done when the call it was in is.

        Where the engine takes items one by one, that is before the rest of the batch, and an item
        whose future was cancelled meanwhile is left out. What fails has :class:`InferenceFailed`.
        """
        batch = _Batch(engine, [_Item(tensor) for tensor in tensors])
        self._batches.put(batch)
        return [item.future for item in batch.items]

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

    def _run_batch(self, batch: _Batch) -> None:
        try:
            for call in batch.calls():
                wanted = [item for item in call if item.future.set_running_or_notify_cancel()]
                if wanted:
                    self._call(batch.engine, wanted)
        except BaseException as error:
            # Not an Exception: the thread ends, but its callers must not wait for ever.
            logger.critical("the inference thread ends", exc_info=True)
            for item in batch.items:
                with contextlib.suppress(concurrent.futures.InvalidStateError):
                    item.future.set_exception(
                        RuntimeError(f"the inference thread ended: {error!r}")
                    )
            raise

    def _call(self, engine: Engine, items: Sequence[_Item]) -> None:
        self._beat_at = started = time.monotonic()
        outcomes = run_batch(engine, [item.tensor for item in items])
        seconds = time.monotonic() - started
        self._slowest_call = max(self._slowest_call, seconds)
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, InferenceFailed):
                item.future.set_exception(outcome)
            else:
                item.future.set_result(Inferred(outcome, started, seconds))
