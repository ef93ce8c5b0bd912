"""Who gets in: a bound on everything that waits or is worked on, and an honest Retry-After.

Three currencies are counted, since each protects something else: requests (fairness of waiting),
body bytes (memory before decoding) and image megapixels (memory and time after it).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from service.errors import Draining, Overloaded

# What a request costs whatever its size, in image megapixels: the network's own time and the
# encoder's floor, which is about what decoding and encoding two more megapixels takes.
_BASE_COST = 2.0
_RATE_HALF_LIFE_SECONDS = 30.0
_RETRY_AFTER_SECONDS = (1, 120)


@dataclass(frozen=True)
class AdmissionLimits:
    """Most that may be inside at once."""

    requests: int
    body_bytes: int
    megapixels: float


class ServiceRate:
    """Cost served a second of busy time, forgetting with a half-life of 30 s."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._busy_since: float | None = None
        self._busy_seconds = 0.0
        self._served = 0.0

    def began(self) -> None:
        """Work came in where there was none."""
        self._busy_since = self._clock()

    def ended(self) -> None:
        """The last work left."""
        self._account()
        self._busy_since = None

    def served(self, cost: float) -> None:
        """A request of this cost was answered."""
        self._account()
        self._served += cost

    def per_second(self) -> float | None:
        """The rate; None before anything was served."""
        self._account()
        return self._served / self._busy_seconds if self._served and self._busy_seconds else None

    def _account(self) -> None:
        if self._busy_since is None:
            return
        now = self._clock()
        elapsed = now - self._busy_since
        keep = 0.5 ** (elapsed / _RATE_HALF_LIFE_SECONDS)
        self._served *= keep
        self._busy_seconds = self._busy_seconds * keep + elapsed
        self._busy_since = now


class Ticket:
    """One request's share of the bounds, given back when its last holder lets go.

    The request itself holds it once. Work in the thread pool holds it too, since a decode cannot
    be stopped when its client leaves: its memory is in use until it ends.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._holders = 1
        self.body_bytes = 0
        self.megapixels = 0.0
        self.admitted = False

    @property
    def cost(self) -> float:
        """Cost in image megapixels."""
        return _BASE_COST + self.megapixels

    def add_bytes(self, count: int) -> None:
        """Account for body bytes that arrived; raises :class:`Overloaded` past the bound."""
        self._admission.take_bytes(self, count)

    def admit(self, megapixels: float) -> None:
        """Enter with an image of known size; raises :class:`Overloaded` past a bound."""
        self._admission.admit(self, megapixels)

    def hold(self) -> None:
        """Add a holder."""
        self._holders += 1

    def drop(self) -> None:
        """Remove a holder; the last one gives everything back."""
        self._holders -= 1
        if self._holders == 0:
            self._admission.close(self)

    def served(self) -> None:
        """The request was answered with a result: its cost counts towards the service rate."""
        self._admission.rate.served(self.cost)

    def __enter__(self) -> Ticket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()


class Admission:
    """The gate; used from the event loop only."""

    def __init__(
        self, limits: AdmissionLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self.rate = ServiceRate(clock)
        self.draining = False
        self.open_tickets = 0
        self.requests = 0
        self.body_bytes = 0
        self.megapixels = 0.0
        self._cost = 0.0
        self._empty = asyncio.Event()
        self._empty.set()

    def open(self) -> Ticket:
        """A ticket for a request whose body has not been read.

        Raises :class:`Draining` during shutdown and :class:`Overloaded` when no request of any
        size could enter: refusing before reading is the cheapest.
        """
        if self.draining:
            raise Draining("This instance is shutting down; try again.", retry_after_seconds=1)
        if self.requests >= self._limits.requests:
            raise self._overloaded(f"{self.requests} requests are being worked on")
        self._empty.clear()
        self.open_tickets += 1
        return Ticket(self)

    def take_bytes(self, ticket: Ticket, count: int) -> None:
        """See :meth:`Ticket.add_bytes`."""
        if self.body_bytes + count > self._limits.body_bytes:
            raise self._overloaded(f"{self.body_bytes / 1e6:.0f} MB of images are in memory")
        ticket.body_bytes += count
        self.body_bytes += count

    def admit(self, ticket: Ticket, megapixels: float) -> None:
        """See :meth:`Ticket.admit`. One image above the whole bound may enter an empty service."""
        if self.requests >= self._limits.requests:
            raise self._overloaded(f"{self.requests} requests are being worked on")
        if self.requests and self.megapixels + megapixels > self._limits.megapixels:
            raise self._overloaded(f"{self.megapixels:.0f} megapixels are being worked on")
        if self.requests == 0:
            self.rate.began()
        ticket.admitted = True
        ticket.megapixels = megapixels
        self.requests += 1
        self.megapixels += megapixels
        self._cost += ticket.cost

    def close(self, ticket: Ticket) -> None:
        """Give back what a ticket took."""
        self.open_tickets -= 1
        self.body_bytes -= ticket.body_bytes
        if ticket.admitted:
            self.requests -= 1
            self.megapixels -= ticket.megapixels
            self._cost -= ticket.cost
            if self.requests == 0:
                self.rate.ended()
        if self.open_tickets == 0:
            self._empty.set()

    def retry_after(self) -> int:
        """Seconds until the present backlog is served at the measured rate."""
        rate = self.rate.per_second()
        shortest, longest = _RETRY_AFTER_SECONDS
        if rate is None:
            return shortest
        return min(longest, max(shortest, math.ceil(self._cost / rate)))

    def begin_drain(self) -> None:
        """Take no new requests."""
        self.draining = True

    async def wait_until_empty(self) -> None:
        """Return when every accepted request has been answered."""
        await self._empty.wait()

    def _overloaded(self, reason: str) -> Overloaded:
        return Overloaded(f"The service is busy: {reason}.", retry_after_seconds=self.retry_after())
