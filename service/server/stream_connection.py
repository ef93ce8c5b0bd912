"""A stream's connection: what a client does wrong is no error of the service."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from service.server.lingering import PacedProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent


class StreamConnection(PacedProtocol, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, for which an answer instead of a stream is no fault.

    uvicorn sends such an answer, and then takes it for an app that never answered: an error in the
    log, without a request's id, for whoever asks wrongly. A head that is too large for websockets
    it does not answer at all, and keeps the connection. An app that is about to send when the
    client breaks the protocol, or is silent, meets an error, too, and not a client that is gone.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to listen."""
        # In uvicorn's own log these lines would double the service's.
        self.conn.logger = logging.getLogger("websockets.server")
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that cannot be read is answered, and the last."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_parser_exception(self) -> None:
        """Close for what is no WebSocket message."""
        super().handle_parser_exception()
        self.disconnected = True

    def keepalive_timeout(self) -> None:
        """Close for a client that answers no pings."""
        super().keepalive_timeout()
        self.disconnected = True

    async def send(self, message: ASGISendEvent) -> None:
        """Send, and note that nothing more is due once a refusal is out."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True
