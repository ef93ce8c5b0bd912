"""One client's connection: bounded in time, and typed even where HTTP itself is broken."""

from __future__ import annotations

import asyncio

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.deadline import HALF_CLOSED
from service.api.paths import STREAM, route_path
from service.api.problems import PROBLEM_JSON, SECURITY_HEADERS, problem_body
from service.api.sending import BREAK_OFF
from service.errors import DepthError, MalformedRequest, RequestHeadTimeout
from service.server.lingering import LingeringTransport, PacedProtocol
from service.server.request_head import BoundedHead
from service.settings import Settings

# At the end of a drain: a request that was sent before its client could know arrives within this.
_LAST_REQUEST_SECONDS = 0.5
# Who comes by a Unix socket has no address, and may be a proxy to be believed.
_THIS_MACHINE = ("127.0.0.1", 0)


class BoundedConnection(PacedProtocol, H11Protocol):
    """uvicorn's connection over h11, which does not wait for a client for ever.

    uvicorn bounds only the pause between two requests. A head that never ends, and the body of a
    request that was answered without it, would hold a connection for as long as bytes trickle, and
    an answer that its client does not take, for as long as the client likes. Its answer to broken
    HTTP is plain text, and an exception if an answer was sent before. It closes under clients that
    are still sending, and takes one that ended its side for gone.
    """

    header_timeout_seconds: float
    send_timeout_seconds: float
    conn: BoundedHead
    transport: LingeringTransport  # type: ignore[assignment]
    _timer: asyncio.TimerHandle | None = None
    _handed_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request."""
        self.conn = BoundedHead()
        lingering = LingeringTransport(
            *(transport, self.loop, self._is_client_sending),
            *(self.header_timeout_seconds, self.send_timeout_seconds),
        )
        self.app_state = {**self.app_state, BREAK_OFF: transport.abort}
        super().connection_made(lingering)  # type: ignore[arg-type]
        self.client = self.client or _THIS_MACHINE
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_watching()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        if self.transport.lingering:
            self.transport.heard()
            return
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that has ended its side; True keeps ours open.

        It may wait, or be gone: TCP does not tell. The app knows by ``HALF_CLOSED``.
        """
        if self.transport.lingering or not self._is_working():
            return False
        if self.conn.their_state is h11.SEND_BODY:
            self._refuse(MalformedRequest("The request ended before its body did."))
            return False
        self.scope["state"][HALF_CLOSED] = True
        self.cycle.keep_alive = False
        self.cycle.message_event.set()
        return True

    def shutdown(self) -> None:
        """Close, but not under a request that is on its way; uvicorn's last word in a drain."""
        if self._is_working():
            super().shutdown()
        else:
            self.loop.call_later(_LAST_REQUEST_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._is_working() and not self._handed_over:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; uvicorn's name for it."""
        self._refuse(self.conn.refusal or MalformedRequest("This is not a valid HTTP/1.1 request."))

    def _get_upgrade(self) -> bytes | None:
        # But on one path no other protocol is spoken. An offer may be ignored (RFC 9110, 7.8).
        offered = super()._get_upgrade()
        spoken = offered == b"websocket" and route_path(dict(self.scope)) == STREAM
        return offered if spoken else None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over: it has its own rules from here."""
        self._handed_over = True
        super().handle_websocket_upgrade(event)

    def _watch(self) -> None:
        """Run the timer while neither the app nor uvicorn's keep-alive has the connection."""
        busy = self._is_working() or self._handed_over or self.timeout_keep_alive_task
        if busy or self.transport.is_closing():
            self._stop_watching()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.header_timeout_seconds, self._give_up)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_working(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_client_sending(self) -> bool:
        unread, _ = self.conn.trailing_data
        return bool(unread) or self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _give_up(self) -> None:
        begun, _ = self.conn.trailing_data
        if begun and self.conn.our_state is h11.IDLE:
            self._refuse(
                RequestHeadTimeout(
                    f"The request's head did not arrive within {self.header_timeout_seconds:g} s."
                )
            )
        else:
            self.transport.close_now()

    def _refuse(self, error: DepthError) -> None:
        # To an answer that was begun nothing can be added; it breaks off.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            problem = problem_body(error.status, error.slug, error.title, error.detail)
            body = orjson.dumps(problem)
            headers = [
                (b"content-type", PROBLEM_JSON.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
                *SECURITY_HEADERS,
            ]
            answer = h11.Response(status_code=error.status, headers=headers)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self._is_working():
            # The app may be about to answer; this tells it that nobody listens any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def connections_bounded_by(settings: Settings) -> type[H11Protocol]:
    """The class of connections with the time limits of the settings."""
    names = ("header_timeout_seconds", "send_timeout_seconds")
    limits = {name: getattr(settings, name) for name in names}
    return type("Connection", (BoundedConnection,), limits)
