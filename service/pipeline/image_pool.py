"""The threads in which photos are decoded, drawn and encoded."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from service.pipeline.admission import Ticket

T = TypeVar("T")


class ImagePool:
    """Runs image work off the event loop, and tells how long the slowest piece has taken."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="imaging")
        self._work_started: dict[int, float] = {}

    def oldest_work_seconds(self) -> float:
        """How long the pool has been at its longest running piece of work; 0 when idle."""
        started = min(self._work_started.copy().values(), default=None)
        return 0.0 if started is None else time.monotonic() - started

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, ticket: Ticket, work: Callable[..., T], *args: object) -> T:
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

        # What is logged there is of this request.
        future = self._pool.submit(contextvars.copy_context().run, timed_work)

        def release(_: concurrent.futures.Future[T]) -> None:
            # The loop may be closed at shutdown; nothing needs the ticket then.
            if not loop.is_closed():
                loop.call_soon_threadsafe(ticket.drop)

        future.add_done_callback(release)
        return await asyncio.wrap_future(future)
