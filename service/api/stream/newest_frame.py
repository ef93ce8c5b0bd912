"""The newest frame of a live stream: what arrives meanwhile replaces what waits."""

from __future__ import annotations

import asyncio


class NewestFrame:
    """Holds at most one frame; used from the event loop only.

    ``dropped`` counts the frames that were replaced before anybody took them, ``sequence`` all
    that arrived.
    """

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._arrived = asyncio.Event()
        self._ended = False
        self.sequence = 0
        self.dropped = 0

    def put(self, frame: bytes) -> None:
        """Replace whatever waits."""
        self.dropped += self._frame is not None
        self.sequence += 1
        self._frame = frame
        self._arrived.set()

    def end(self) -> None:
        """Give none any more, not even what waits."""
        self._ended = True
        self._arrived.set()

    async def take(self) -> tuple[int, bytes] | None:
        """Number and bytes of the newest frame, as soon as there is one; None after the end."""
        await self._arrived.wait()
        if self._ended:
            return None
        self._arrived.clear()
        frame, self._frame = self._frame, None
        assert frame is not None  # noqa: S101 (set together with the event)
        return self.sequence, frame
