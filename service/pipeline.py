"""One photo through decode, queue, network and encode; knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from service.imaging.decode import read_header
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions, encode
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.admission import Ticket
from service.inference.catalog import NetworkCatalog
from service.inference.scheduler import Scheduler
from service.observability.context import RequestRecord

T = TypeVar("T")


class OutputSize(StrEnum):
    """Size of the answer."""

    ORIGINAL = "original"
    NETWORK = "network"


@dataclass(frozen=True)
class DepthOrder:
    """What a caller asks for."""

    model: str
    size: OutputSize
    options: EncodeOptions


@dataclass(frozen=True)
class DepthAnswer:
    """An encoded depth map and what a caller wants to know of it."""

    body: bytes
    depth_min: float
    depth_max: float
    kind: str
    batch_size: int


class DepthPipeline:
    """Runs requests: image work in a thread pool, inference through the scheduler."""

    def __init__(
        self,
        catalog: NetworkCatalog,
        scheduler: Scheduler,
        max_pixels: int,
        scaled_decode: bool,
        image_threads: int,
    ) -> None:
        self._catalog = catalog
        self._scheduler = scheduler
        self._max_pixels = max_pixels
        self._scaled_decode = scaled_decode
        self._pool = concurrent.futures.ThreadPoolExecutor(
            image_threads, thread_name_prefix="imaging"
        )
        self._work_started: dict[int, float] = {}

    async def run(
        self,
        data: bytes,
        order: DepthOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> DepthAnswer:
        """Depth of the photo ``data``, encoded.

        Raises the errors of decoding, admission, loading, inference and encoding. Cancelling it
        drops the work at the next step.
        """
        with record.timed("decode"):
            header = await self._in_pool(ticket, read_header, data, self._max_pixels)
        ticket.admit(header.pixels / 1e6)
        network = await self._catalog.get(order.model)
        with record.timed("decode"):
            photo = await self._in_pool(
                ticket, network_input, data, network.spec.input_rule, self._scaled_decode
            )
        record.stage = "queue"
        inference = await self._scheduler.infer(network.engine, photo.tensor)
        record.add("queue", inference.queue_seconds)
        record.add("inference", inference.inference_seconds)

        def finish() -> DepthAnswer:
            values = inference.depth
            if order.size is OutputSize.ORIGINAL:
                values = to_image_size(values, photo.width, photo.height)
            depth = DepthMap(values, network.spec.kind, network.spec.name)
            return DepthAnswer(
                body=encode(depth, order.options),
                depth_min=depth.extent[0],
                depth_max=depth.extent[1],
                kind=depth.kind,
                batch_size=inference.batch_size,
            )

        with record.timed("encode"):
            return await self._in_pool(ticket, finish)

    def oldest_work_seconds(self) -> float:
        """How long the pool has been at its longest running piece of work; 0 when idle."""
        started = min(self._work_started.copy().values(), default=None)
        return 0.0 if started is None else time.monotonic() - started

    def close(self) -> None:
        """Stop the thread pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_pool(self, ticket: Ticket, work: Callable[..., T], *args: object) -> T:
        """Run ``work`` in the pool, holding the ticket until it ends, even if nobody waits."""
        loop = asyncio.get_running_loop()
        ticket.hold()

        def timed_work() -> T:
            thread = threading.get_ident()
            self._work_started[thread] = time.monotonic()
            try:
                return work(*args)
            finally:
                del self._work_started[thread]

        future = self._pool.submit(timed_work)

        def release(_: concurrent.futures.Future[T]) -> None:
            # The loop may be closed at shutdown; nothing needs the ticket then.
            if not loop.is_closed():
                loop.call_soon_threadsafe(ticket.drop)

        future.add_done_callback(release)
        return await asyncio.wrap_future(future)
