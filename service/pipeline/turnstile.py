"""Whose work is next: fairness between clients, first come first served in each.

Photos wait here as the bytes they came in. Decoding them all at once would take forty times the
memory, keep the cores from the answers that are nearly done, and let a client who sends many
photos be the only one whose tensors the network finds in its queue.
"""

from __future__ import annotations

import asyncio
import bisect
import math
from operator import attrgetter


class Place:
    """A place inside, given back when its last holder lets go: the request, or a thread at work."""

    def __init__(
        self, turnstile: Turnstile, client: str, turn: tuple[int, int], load: float
    ) -> None:
        self._turnstile = turnstile
        self.client = client
        self.turn = turn
        self.load = load
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_answered = False
        self._holders = 1

    def hold(self) -> None:
        """Add a holder."""
        self._holders += 1

    def drop(self) -> None:
        """Remove a holder; the last one gives the place back."""
        self._holders -= 1
        if self._holders == 0:
            self._turnstile.leave(self)

    def answered(self, load: float) -> None:
        """Give back what is above ``load``: all that is left is an answer being sent."""
        self._turnstile.answered(self, load)


class Turnstile:
    """Lets ``places`` pieces of work in at a time, and no more than ``capacity`` of their loads.

    Each piece gets a turn: the one after its client's last piece, or after the earliest turn that
    is inside (start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996). The earliest turn is
    next; of equal ones that of the client with the least before it, then whoever came first. So a
    newcomer goes before another's backlog, yet turns go up, and nobody is overtaken for ever. A
    client that has nothing inside may take one of the ``spare`` places when its turn has come and
    all others are taken.
    Used from the event loop only.
    """

    def __init__(self, places: float, spare: int = 0, capacity: float = math.inf) -> None:
        self._places = places
        self._spare = spare
        self._capacity = capacity
        self._inside: list[Place] = []
        self._queue: list[Place] = []

    def waiting(self) -> int:
        """Number of pieces of work that have no place yet."""
        return len(self._queue)

    async def enter(self, client: str, load: float = 0.0) -> Place:
        """Wait for a place; give it back with :meth:`Place.drop`.

        Work whose load is above the capacity enters alone, but for answers being sent: they end
        when their clients please, which must not keep others out.
        """
        place = Place(self, client, self._next_turn(client), load)
        bisect.insort(self._queue, place, key=attrgetter("turn"))
        self._admit()
        try:
            await place.entered
        except asyncio.CancelledError:
            if place in self._queue:
                self._queue.remove(place)
                # Who comes next may fit where this one did not.
                self._admit()
            else:
                place.drop()
            raise
        return place

    def leave(self, place: Place) -> None:
        """Take a place back; see :meth:`Place.drop`."""
        self._inside.remove(place)
        self._admit()

    def answered(self, place: Place, load: float) -> None:
        """Lower a load; see :meth:`Place.answered`."""
        place.is_answered, place.load = True, min(place.load, load)
        self._admit()

    def _next_turn(self, client: str) -> tuple[int, int]:
        """Number of the turn, and how many of the client's own pieces are before it."""
        own = [place.turn for place in (*self._inside, *self._queue) if place.client == client]
        earliest = min((place.turn for place in self._inside), default=(0, 0))
        last, _ = max(own, default=earliest)
        return 1 + last, len(own)

    def _admit(self) -> None:
        while self._queue and self._has_room_for(self._queue[0]):
            place = self._queue.pop(0)
            self._inside.append(place)
            # Who was cancelled a moment ago has not woken up yet to give it back.
            if not place.entered.done():
                place.entered.set_result(None)

    def _has_room_for(self, place: Place) -> bool:
        newcomer = all(other.client != place.client for other in self._inside)
        if len(self._inside) >= self._places + (self._spare if newcomer else 0):
            return False
        if place.load > self._capacity:
            return all(other.is_answered for other in self._inside)
        return sum(other.load for other in self._inside) + place.load <= self._capacity
