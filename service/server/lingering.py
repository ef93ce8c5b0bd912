"""Closing a connection so that its last answer arrives (RFC 9112, 9.6), and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

# A client that has read the answer closes, or at least stops sending; Apache waits as long.
_QUIET_SECONDS = 2.0


class LingeringTransport:
    """A transport that is not closed under a client that is still sending.

    What arrives at a closed socket is answered by a reset, which also throws away the answer that
    the client has not read yet. :meth:`close` therefore ends only our side, and closes the other
    when the client has closed, has been silent for two seconds, or after ``longest_seconds``.
    What it sends meanwhile is for nobody; its protocol calls :meth:`heard` for it.

    A closed transport stays until its client has taken what was sent. Who has not within
    ``taking_seconds``, of what is left then or of what keeps more from being sent, is broken off.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_client_sending: Callable[[], bool],
        longest_seconds: float,
        taking_seconds: float,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._is_client_sending = is_client_sending
        self._longest_seconds = longest_seconds
        self._taking_seconds = taking_seconds
        self._heard = False
        self._end_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self.lingering = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, unless our side has ended."""
        if not self.lingering:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Close, at once if the client has nothing left to send."""
        if self.is_closing():
            return
        if not self._is_client_sending():
            self.close_now()
            return
        self.lingering = True
        self._end_at = self._loop.time() + self._longest_seconds
        self._transport.write_eof()
        self._transport.resume_reading()
        self._wait()

    def close_now(self) -> None:
        """Close whatever the client sends, once it has taken the answer."""
        self._transport.close()
        self.paused()

    def paused(self) -> None:
        """Note that more is to be sent than the client takes: of protocols' ``pause_writing``."""
        if self._untaken is None:
            self._untaken = self._loop.call_later(self._taking_seconds, self._transport.abort)

    def resumed(self) -> None:
        """Note that the client takes it, as ``resume_writing`` says."""
        if self._untaken is not None and not self._transport.is_closing():
            self._untaken.cancel()
            self._untaken = None

    def lost(self) -> None:
        """Note that the connection has ended."""
        for timer in (self._timer, self._untaken):
            if timer is not None:
                timer.cancel()

    def heard(self) -> None:
        """Note that the client is still sending."""
        self._heard = True

    def _wait(self) -> None:
        self._heard = False
        seconds = min(_QUIET_SECONDS, self._end_at - self._loop.time())
        self._timer = self._loop.call_later(seconds, self._close_or_wait)

    def _close_or_wait(self) -> None:
        if self._heard and self._loop.time() < self._end_at:
            self._wait()
        else:
            self.close_now()


class PacedProtocol(asyncio.Protocol):
    """Tells its :class:`LingeringTransport` how the client takes what is sent.

    It goes before a protocol of uvicorn's, which takes the transport for asyncio's.
    """

    transport: Any

    def pause_writing(self) -> None:
        """Send no more until the client has taken what there is."""
        super().pause_writing()
        self.transport.paused()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self.transport.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.transport.lost()
        super().connection_lost(exc)
