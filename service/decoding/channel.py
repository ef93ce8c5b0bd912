"""A stream socket between two processes that moves whole buffers or says that it cannot."""

from __future__ import annotations

import contextlib
import socket
import time


class Channel:
    """One end; a deadline covers everything until the next one is set."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._give_up_at: float | None = None

    def allow(self, seconds: float) -> None:
        """Let what follows take this long in all; past it, :class:`TimeoutError` is raised."""
        self._give_up_at = time.monotonic() + seconds

    def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``; raises :class:`ConnectionError` when the other end is gone."""
        self._set_timeout()
        self._socket.sendall(data)

    def read_into(self, buffer: memoryview) -> None:
        """Fill ``buffer``; raises :class:`ConnectionError` when the other end is gone."""
        while buffer:
            self._set_timeout()
            count = self._socket.recv_into(buffer)
            if count == 0:
                raise ConnectionResetError("the other process has ended")
            buffer = buffer[count:]

    def close(self) -> None:
        """Close this end, waking up a thread that waits on it."""
        with contextlib.suppress(OSError):  # The other end may be gone already.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _set_timeout(self) -> None:
        if self._give_up_at is None:
            return
        left = self._give_up_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the other process takes too long")
        self._socket.settimeout(left)
