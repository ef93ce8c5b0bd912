"""The asyncio queue in front of the inference thread, and how batches form.

Work-conserving: an idle worker starts at once with whatever waits; batches form only while it is
busy, unless a batch window is set. Clients take turns: every client's first waiting job comes
before any client's second one. A batch starts with the job whose turn it is, and takes along the
next ones of the same network and tensor shape: while several clients are about, one of each, so
that nobody waits for, or within, a batch full of another's.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.batch import BatchItem
from service.inference.engines.base import Engine
from service.inference.worker import InferenceWorker, Inferred
from service.observability.context import request_id_var

# A client counts as being about for as long after its last job: one that sends photo after photo
# is always between two of them when another's batch starts.
_ABOUT_SECONDS = 1.0


@dataclass(frozen=True)
class BatchLimits:
    """How large a batch may grow and how long it may wait for company."""

    size: int
    megapixels: float
    window_seconds: float = 0.0


@dataclass(frozen=True)
class Inference:
    """A depth map ``(h, w)`` float32, what it took, and how many came from the queue together."""

    depth: DepthArray
    queue_seconds: float
    inference_seconds: float
    batch_size: int


_BucketKey = tuple[Engine, tuple[int, ...]]


@dataclass(eq=False)
class _Job:
    engine: Engine
    item: BatchItem
    client: str
    turn: int
    answer: asyncio.Future[Inference]
    queued_at: float = field(default_factory=time.monotonic)

    @property
    def bucket(self) -> _BucketKey:
        return self.engine, self.item.tensor.shape

    @property
    def megapixels(self) -> float:
        height, width = self.item.tensor.shape[1:]
        return float(height * width / 1e6)


class Scheduler:
    """Turns single inference requests into micro-batches for the worker.

    A caller that stops waiting (its deadline passed, its client left) cancels its future, and the
    job is dropped unless the network is at work on it already.
    """

    def __init__(
        self,
        worker: InferenceWorker,
        limits: BatchLimits,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._on_batch = on_batch
        self._waiting: list[_Job] = []
        self._arrived = asyncio.Event()
        self._turn = 0
        self._last_seen: dict[str, float] = {}
        self._dispatcher: asyncio.Task[None] | None = None

    async def infer(
        self,
        engine: Engine,
        tensor: Tensor,
        client: str = "",
        on_start: Callable[[], None] = lambda: None,
        on_execution: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> Inference:
        """Depth of one network input ``(3, h, w)``, when it is ``client``'s turn.

        For ``on_start`` and ``on_execution`` see :class:`BatchItem`; the latter must be the same
        for all inputs of an engine. Raises :class:`InferenceFailed` when the network fails on this
        very input.
        """
        answer: asyncio.Future[Inference] = asyncio.get_running_loop().create_future()
        item = BatchItem(tensor, request_id_var.get(), on_start, on_execution)
        job = _Job(engine, item, client, self._next_turn(client), answer)
        self._waiting.append(job)
        self._last_seen[client] = job.queued_at
        self._arrived.set()
        try:
            return await answer
        finally:
            # At once, and not when the batch in hand ends: nothing else bounds those who left.
            if job in self._waiting:
                self._waiting.remove(job)

    def waiting(self) -> int:
        """Number of live jobs that no batch has taken yet."""
        return len(self._waiting)

    def waiting_megapixels(self) -> float:
        """Network-input megapixels that no batch has taken yet."""
        return sum(job.megapixels for job in self._waiting)

    def start(self) -> None:
        """Start dispatching, on the running loop."""
        self._dispatcher = asyncio.create_task(self._dispatch(), name="dispatcher")

    def is_running(self) -> bool:
        """Whether batches are being formed."""
        return self._dispatcher is not None and not self._dispatcher.done()

    async def stop(self) -> None:
        """Stop dispatching and fail what still waits."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._dispatcher
        for job in self._waiting:
            if job.answer.done():
                continue
            job.answer.set_exception(InferenceFailed("The service stopped before this was done."))

    def _next_turn(self, client: str) -> int:
        """The turn after the client's last waiting one, or after that being served.

        So a client's backlog does not go before another's first job just because it is older
        (start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996).
        """
        return 1 + max(
            (job.turn for job in self._waiting if job.client == client), default=self._turn
        )

    async def _dispatch(self) -> None:
        while True:
            if not self._waiting:
                await self._next_arrival()
                await self._wait_for_company()
            batch = self._next_batch()
            if batch:
                await self._run(batch)
            # Else the network of the last batch could not be unloaded.
            del batch

    async def _wait_for_company(self) -> None:
        """Collect arrivals for the batch window, or until some bucket is full."""
        loop = asyncio.get_running_loop()
        closes_at = loop.time() + self._limits.window_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(closes_at):
                while self._fullest_bucket() < self._limits.size:
                    await self._next_arrival()

    async def _next_arrival(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def _fullest_bucket(self) -> int:
        return max(Counter(job.bucket for job in self._waiting).values(), default=0)

    def _next_batch(self) -> list[_Job]:
        """Take the next jobs of one bucket, up to the limits, and none that is abandoned."""
        waiting = [job for job in self._waiting if not job.answer.done()]
        batch: list[_Job] = []
        one_each = self._several_clients_are_about()
        room = self._limits.megapixels
        for job in sorted(waiting, key=attrgetter("turn")):
            if batch and job.bucket != batch[0].bucket:
                continue
            if one_each and job.client in {mate.client for mate in batch}:
                continue
            if batch and (len(batch) == self._limits.size or job.megapixels > room):
                break
            batch.append(job)
            room -= job.megapixels
        if batch:
            self._turn = batch[0].turn
        self._waiting = [job for job in waiting if job not in batch]
        return batch

    def _several_clients_are_about(self) -> bool:
        horizon = time.monotonic() - _ABOUT_SECONDS
        waiting = {job.client for job in self._waiting}
        self._last_seen = {
            client: seen
            for client, seen in self._last_seen.items()
            if seen > horizon or client in waiting
        }
        return len(self._last_seen) > 1

    async def _run(self, batch: list[_Job]) -> None:
        self._on_batch(len(batch))
        futures = self._worker.submit(batch[0].engine, [job.item for job in batch])
        await asyncio.gather(
            *(
                self._deliver(job, future, len(batch))
                for job, future in zip(batch, futures, strict=True)
            )
        )

    @staticmethod
    async def _deliver(
        job: _Job, future: concurrent.futures.Future[Inferred], batch_size: int
    ) -> None:
        """Answer a job once its own map is there; if its caller leaves, it leaves the batch."""
        job.answer.add_done_callback(lambda _: future.cancel())
        try:
            inferred = await asyncio.wrap_future(future)
        except BaseException as error:
            if not job.answer.done():
                job.answer.set_exception(
                    InferenceFailed.because_of(error, "The inference thread failed.")
                )
            return
        if not job.answer.done():
            queue_seconds = inferred.started - job.queued_at
            job.answer.set_result(
                Inference(inferred.depth, queue_seconds, inferred.seconds, batch_size)
            )
