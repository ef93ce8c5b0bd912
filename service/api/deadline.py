"""From a request to its result: admission, the deadline, and clients that leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request

from service.api.identity import client_of
from service.errors import ClientDisconnected, DeadlineExceeded
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.runtime import Runtime

HALF_CLOSED = "half_closed"
"""Key of the request's state, true when the client has ended its sending side."""

B = TypeVar("B")
T = TypeVar("T")


async def result_in_time(
    request: Request,
    deadline_seconds: float | None,
    read: Callable[[Ticket], Awaitable[B]],
    work: Callable[[B, Ticket], Coroutine[Any, Any, T]],
) -> tuple[T, Ticket]:
    """What ``work`` makes of what ``read`` has read, and its ticket, which the response drops.

    Raises :class:`DeadlineExceeded` when both take longer than the client or the server allows,
    :class:`ClientDisconnected` when the client leaves before, and the errors of admission,
    ``read`` and ``work``.
    """
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    seconds = _clipped(runtime, deadline_seconds)
    async with admitted(runtime, record, client_of(request.scope), seconds) as ticket:
        with record.timed("read"):
            body = await read(ticket)
        result = await _unless_disconnected(request, work(body, ticket))
        ticket.served()
        ticket.hold()
        return result, ticket


@contextlib.asynccontextmanager
async def admitted(
    runtime: Runtime, record: RequestRecord, client: str, seconds: float
) -> AsyncIterator[Ticket]:
    """A ticket for the block, which has to end within its deadline.

    Counts deadlines that passed and clients that left. Raises :class:`DeadlineExceeded`, and the
    errors of admission and of the block.
    """
    try:
        async with asyncio.timeout(seconds):
            with runtime.admission.open(client) as ticket:
                yield ticket
    except TimeoutError:
        stage = record.stage
        runtime.metrics.deadline_misses.labels(stage).inc()
        raise DeadlineExceeded(
            f"The deadline passed during stage {stage}; send a smaller image, ask for "
            "quality=fast or a longer X-Request-Timeout, or retry later."
        ) from None
    except (ClientDisconnected, asyncio.CancelledError) as ended:
        # The end of the drain time cancels, too, and answers a client that is there.
        if isinstance(ended, ClientDisconnected) or not runtime.admission.draining:
            runtime.metrics.cancelled.labels(record.stage).inc()
        raise


def _clipped(runtime: Runtime, deadline_seconds: float | None) -> float:
    if deadline_seconds is None:
        return runtime.settings.request_timeout_seconds
    return min(deadline_seconds, runtime.settings.max_request_timeout_seconds)


async def _unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client leaves first."""
    task = asyncio.create_task(work)
    watcher = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnected(
            "The client left, or closed its sending side, which looks the same, before the answer "
            "was ready: keep it open until then."
        )
    finally:
        watcher.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while not request.scope["state"].get(HALF_CLOSED):
        if (await request.receive())["type"] == "http.disconnect":
            return
