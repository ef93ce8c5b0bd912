"""Send an answer no faster than its client takes it, and no longer than allowed."""

from __future__ import annotations

import asyncio
import logging

from fastapi import Response
from starlette.types import Receive, Scope, Send

from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket

logger = logging.getLogger(__name__)

BREAK_OFF = "break_off"
"""Key of the state of a request or stream: what ends its connection, unread answers and all."""

_PIECE_BYTES = 1 << 18


class HeldResponse(Response):
    """A response whose request stays admitted until the client has taken the last byte.

    Sent in pieces, so that the server's flow control applies to a client that does not read;
    past ``seconds`` its connection is broken off. Otherwise such clients would hold their answers,
    up to hundreds of megabytes each, outside of every bound.
    """

    def __init__(
        self,
        content: bytes,
        media_type: str,
        headers: dict[str, str],
        ticket: Ticket,
        record: RequestRecord,
        seconds: float,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._ticket = ticket
        self._record = record
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._record.timed("send"):
                async with asyncio.timeout(self._seconds):
                    await self._send(send)
        except TimeoutError:
            logger.warning("the client did not take its answer within %g s", self._seconds)
            scope["state"][BREAK_OFF]()
            # Else the server took the answer for one that we have left unfinished.
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._ticket.drop()

    async def _send(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = memoryview(self.body)
        for start in range(0, len(body), _PIECE_BYTES):
            piece = bytes(body[start : start + _PIECE_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
