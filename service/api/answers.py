"""The one way from a request to its answer, whatever is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response

from service.api.deadline import result_in_time
from service.api.headers import answer_headers
from service.api.sending import HeldResponse
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer
from service.pipeline.runtime import Runtime

B = TypeVar("B")


async def respond(
    request: Request,
    deadline_seconds: float | None,
    read: Callable[[Ticket], Awaitable[B]],
    work: Callable[[B, Ticket], Coroutine[Any, Any, Answer]],
) -> Response:
    """Read the body, do the work and send the answer, admitted from the first byte to the last.

    Raises what :func:`service.api.deadline.result_in_time` raises.
    """
    runtime: Runtime = request.app.state.runtime
    record: RequestRecord = request.state.record
    answer, ticket = await result_in_time(request, deadline_seconds, read, work)
    if ticket.room is not None:
        ticket.room.answered(len(answer.body))
    headers = answer_headers(answer, record)
    seconds = runtime.settings.send_timeout_seconds
    return HeldResponse(answer.body, answer.media_type, headers, ticket, record, seconds)
