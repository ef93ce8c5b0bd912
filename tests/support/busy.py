"""A front that is busy at first: refuses requests as the service does, then passes them on."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

from tests.support.local_server import Answer, LocalServer

RETRY_AFTER_SECONDS = 1


class BusyFront(LocalServer):
    """Answers the first requests with ``statuses``, the others by ``target``.

    429 and 503 tell to come back, unless ``heals`` is False.
    """

    def __init__(self, target: str, statuses: list[int], *, heals: bool = True) -> None:
        super().__init__()
        self.arrivals: list[float] = []
        self._target = target
        self._statuses = statuses
        self._heals = heals

    def respond(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See :class:`LocalServer`."""
        self.arrivals.append(time.monotonic())
        if len(self.arrivals) <= len(self._statuses):
            status = self._statuses[len(self.arrivals) - 1]
            busy = self._heals and status in (429, 503)
            return Answer(status, {"Retry-After": str(RETRY_AFTER_SECONDS)} if busy else {}, b"{}")
        kept = {"Content-Type": headers["Content-Type"]}
        answer = httpx.post(self._target + path, content=body, headers=kept, timeout=60)
        kind = {"Content-Type": answer.headers["Content-Type"]}
        return Answer(answer.status_code, kind, answer.content)
