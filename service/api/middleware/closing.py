"""Which answers are the last of their connection, and what ends with the drain time."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import error_response
from service.errors import Draining, MalformedRequest

_CLOSE = (b"connection", b"close")
_RETRY_AFTER_SECONDS = 1


class ClosingMiddleware:
    """Closes connections that must not be used again, and says so in their last answer.

    While draining that is every connection: behind a balancer that spreads connections a client
    would else stay with this instance to its end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        doubtful = scope["type"] == "http" and _has_two_lengths(scope)

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start" and (
                doubtful or scope["app"].state.runtime.admission.draining
            ):
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        await self._app(scope, receive, send_and_close)


class UnansweredRequests:
    """Refuses a request of doubtful length, and answers those that the drain does not wait for.

    ``unanswered`` are the tasks of the requests whose answer has not begun; one that is cancelled
    answers 503 ``draining``.
    """

    def __init__(self, app: ASGIApp, unanswered: set[asyncio.Task[Any]]) -> None:
        self._app = app
        self._unanswered = unanswered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._unanswered.discard(task)
            await send(message)

        self._unanswered.add(task)
        try:
            answer = _refuse_length if _has_two_lengths(scope) else self._app
            await answer(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if task not in self._unanswered:
                raise
            error = Draining(
                "This instance stops before your request could be finished; send it again.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
            await error_response(Request(scope), error)(scope, receive, send_and_note)
        finally:
            self._unanswered.discard(task)


async def _refuse_length(scope: Scope, receive: Receive, send: Send) -> None:
    error = MalformedRequest("Content-Length and Transfer-Encoding exclude each other.")
    await error_response(Request(scope), error)(scope, receive, send)


def _has_two_lengths(scope: Scope) -> bool:
    """Whether somebody before us may have read another length (RFC 9112, 6.1)."""
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names and b"transfer-encoding" in names
