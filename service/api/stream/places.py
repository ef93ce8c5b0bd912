"""How many live streams are open, of everyone and of one client."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from service.errors import Overloaded, TooManyRequests

_RETRY_AFTER_SECONDS = 10


class StreamPlaces:
    """Bounds what streams hold beside the frames that are admitted; for the event loop only.

    A stream may always hold two messages: one that is arriving, which its client need not end, and
    one that waits.
    """

    def __init__(self, places: int, client_share: float) -> None:
        self._places = places
        self._places_of_client = max(1, int(client_share * places))
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Streams that are open."""
        return self._open.total()

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place for one more stream of ``client``, for as long as the block runs.

        Raises :class:`Overloaded` where all are taken, and :class:`TooManyRequests` where this
        client has its share of them.
        """
        if self.open >= self._places:
            raise Overloaded(
                f"{self.open} live streams are open, which is all that DEPTH_MAX_STREAMS allows.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        if self._open[client] >= self._places_of_client:
            raise TooManyRequests(
                f"This client has {self._open[client]} live streams open, its share of them.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
