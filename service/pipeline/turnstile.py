"""Whose photo is decoded next: max-min fairness between clients, first come first served in each.

Photos wait here as the bytes they came in. Decoding them all at once would take forty times the
memory, keep the cores from the answers that are nearly done, and let a client who sends many
photos be the only one whose tensors the network finds in its queue.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque


class Turnstile:
    """Lets ``places`` requests at a time be decoded and wait for the network.

    A free place goes to the client with the fewest; a client that has none gets one of as many
    spare places at once. Used from the event loop only.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def waiting(self) -> int:
        """Number of requests that have no place yet."""
        return sum(map(len, self._waiting.values()))

    async def enter(self, client: str) -> None:
        """Wait for a place and take it; give it back with :meth:`leave`."""
        free = self._places - self._inside.total()
        if (free > 0 and not self._waiting) or (not self._inside[client] and free > -self._places):
            self._inside[client] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(client, turn)
            else:
                self.leave(client)
            raise

    def leave(self, client: str) -> None:
        """Give a place back, to whoever should have it next."""
        self._inside[client] -= 1
        if not self._inside[client]:
            del self._inside[client]
        while self._waiting and self._inside.total() < self._places:
            # Of clients with equally few places, the one whose turn is longest ago: each goes to
            # the end of the dictionary when it gets one.
            fewest = min(self._waiting, key=self._inside.__getitem__)
            turns = self._waiting.pop(fewest)
            turn = turns.popleft()
            if turns:
                self._waiting[fewest] = turns
            # Who was cancelled a moment ago has not woken up yet to take itself out.
            if not turn.done():
                turn.set_result(None)
                self._inside[fewest] += 1

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(client)
        if turns is None or turn not in turns:
            return
        turns.remove(turn)
        if not turns:
            del self._waiting[client]
