"""Refusals in the log: under overload there are hundreds a second, and one says it all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

logger = logging.getLogger("service.access")

_SECONDS = 1.0


def _call_later(seconds: float, tell: Callable[[str], None], kind: str) -> None:
    asyncio.get_running_loop().call_later(seconds, tell, kind)


class RefusalLog:
    """Of each of ``kinds`` one line per second: the first refusal, then how many more there were.

    Used from the event loop only.
    """

    def __init__(
        self,
        kinds: Collection[str],
        call_later: Callable[[float, Callable[[str], None], str], None] = _call_later,
    ) -> None:
        self._kinds = kinds
        self._call_later = call_later
        self._more: dict[str, int] = {}

    def takes(self, kind: str | None) -> bool:
        """Whether a request's line is left out, since the count of its kind will tell."""
        if kind is None or kind not in self._kinds:
            return False
        if kind in self._more:
            self._more[kind] += 1
            return True
        self._wait(kind)
        return False

    def _wait(self, kind: str) -> None:
        self._more[kind] = 0
        self._call_later(_SECONDS, self._tell, kind)

    def _tell(self, kind: str) -> None:
        more = self._more.pop(kind)
        if more:
            fields = {"error": kind, "more": more}
            logger.info("error=%s more=%d", kind, more, extra={"fields": fields})
            self._wait(kind)
