"""Who gets in: a bound on everything that waits or is worked on, and an honest Retry-After.

Three currencies are counted, since each protects something else: requests (fairness of waiting),
body bytes (memory before decoding) and image megapixels (memory and time after it). One client may
hold only a share of each, so that there is always room for others.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from service.errors import Draining, Overloaded, TooManyRequests
from service.pipeline.turnstile import Place

# Costs are in image megapixels. An image costs this much whatever its size and its network.
_BASE_COST = 1.0
# The embedded network's 3 GFLOP take as long as decoding and encoding a megapixel.
_COST_PER_GFLOP = 0.33
_RATE_HALF_LIFE_SECONDS = 30.0
_RETRY_AFTER_SECONDS = (1, 120)


@dataclass(frozen=True)
class AdmissionLimits:
    """Most that may be inside at once, and how much of it may be one client's (0..1)."""

    requests: int
    body_bytes: int
    megapixels: float
    client_share: float = 1.0


@dataclass
class _Usage:
    """What is inside, of everyone or of one client."""

    tickets: int = 0
    requests: int = 0
    body_bytes: int = 0
    megapixels: float = 0.0


class ServiceRate:
    """Cost served per second of busy time, forgetting with a half-life of 30 s."""

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

    def __init__(self, admission: Admission, client: str) -> None:
        self._admission = admission
        self.client = client
        self._holders = 1
        self.body_bytes = 0
        self.megapixels = 0.0
        self.images = 0
        self.gflop = 0.0
        self.drawn = 0.0
        self.room: Place | None = None
        """Of the memory that all requests share; given back with everything else."""

    @property
    def cost(self) -> float:
        """Cost in image megapixels."""
        of_images = _BASE_COST * max(1, self.images) + self.megapixels + self.drawn
        return of_images + _COST_PER_GFLOP * self.gflop

    def add_bytes(self, count: int) -> None:
        """Account for body bytes that arrived; raises :class:`Overloaded` past the bound."""
        self._admission.take_bytes(self, count)

    def admit(
        self, megapixels: float, images: int = 1, gflop: float = 0.0, drawn: float = 0.0
    ) -> None:
        """Reserve room for all these images or none.

        ``gflop`` is the networks' work on all of them, ``drawn`` the megapixels that an effect
        draws: they take time, and their memory has a bound of its own. Raises
        :class:`Overloaded` past a bound, :class:`TooManyRequests` past this client's share of one.
        """
        self.gflop, self.drawn = gflop, drawn
        self._admission.admit(self, megapixels, images)

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
        self._drain = asyncio.Event()
        self._all = _Usage()
        self._clients: dict[str, _Usage] = {}
        self._cost = 0.0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def draining(self) -> bool:
        """Whether new requests are refused for good."""
        return self._drain.is_set()

    @property
    def open_tickets(self) -> int:
        """Requests being read or worked on."""
        return self._all.tickets

    @property
    def requests(self) -> int:
        """Requests being worked on."""
        return self._all.requests

    @property
    def body_bytes(self) -> int:
        """Body bytes in memory."""
        return self._all.body_bytes

    @property
    def megapixels(self) -> float:
        """Image megapixels being worked on."""
        return self._all.megapixels

    @property
    def most_images(self) -> int:
        """Most images that one request can bring, with nobody else inside."""
        return min(self._limits.requests, math.ceil(self._max_requests_per_client))

    def open(self, client: str) -> Ticket:
        """A ticket for a request of ``client`` whose body has not been read.

        Raises as :meth:`check_open`: refusing before reading is the cheapest.
        """
        self.check_open(client)
        self._empty.clear()
        for usage in (self._all, self._clients.setdefault(client, _Usage())):
            usage.tickets += 1
        return Ticket(self, client)

    def check_open(self, client: str) -> None:
        """Raise what keeps every request of ``client`` out, of whatever size.

        :class:`Draining` during shutdown, :class:`Overloaded` or :class:`TooManyRequests` else.
        """
        self.check_draining()
        self._check_requests(self._clients.get(client, _Usage()))

    def check_draining(self) -> None:
        """Raise :class:`Draining` during shutdown."""
        if self.draining:
            raise Draining("This instance is shutting down; try again.", retry_after_seconds=1)

    def take_bytes(self, ticket: Ticket, count: int) -> None:
        """See :meth:`Ticket.add_bytes`.

        What is above the bound may enter where there are no other bodies.
        """
        own, limit = self._clients[ticket.client], self._limits.body_bytes
        others, others_of_client = (
            usage.body_bytes > ticket.body_bytes for usage in (self._all, own)
        )
        if others and self.body_bytes + count > limit:
            raise self._overloaded(f"{self.body_bytes / 1e6:.0f} MB of images are in memory")
        share = self._limits.client_share * limit
        if others_of_client and own.body_bytes + count > share:
            raise self._too_many(f"{own.body_bytes / 1e6:.0f} MB of this client are in memory")
        ticket.body_bytes += count
        for usage in (self._all, own):
            usage.body_bytes += count

    def admit(self, ticket: Ticket, megapixels: float, images: int = 1) -> None:
        """See :meth:`Ticket.admit`; each image counts as a request.

        What is above the bound of megapixels may enter where there is nothing else.
        """
        own, limit = self._clients[ticket.client], self._limits.megapixels
        self._check_requests(own, images)
        if self.requests and self.megapixels + megapixels > limit:
            raise self._overloaded(f"{self.megapixels:.0f} megapixels are being worked on")
        if own.requests and own.megapixels + megapixels > self._limits.client_share * limit:
            raise self._too_many(f"{own.megapixels:.0f} megapixels of this client are worked on")
        if self.requests == 0:
            self.rate.began()
        ticket.images = images
        ticket.megapixels = megapixels
        for usage in (self._all, own):
            usage.requests += images
            usage.megapixels += megapixels
        self._cost += ticket.cost

    def close(self, ticket: Ticket) -> None:
        """Give back what a ticket took."""
        own = self._clients[ticket.client]
        for usage in (self._all, own):
            usage.tickets -= 1
            usage.body_bytes -= ticket.body_bytes
            usage.requests -= ticket.images
            usage.megapixels -= ticket.megapixels
        if own.tickets == 0:
            del self._clients[ticket.client]
        if ticket.images:
            self._cost -= ticket.cost
            if self.requests == 0:
                self.rate.ended()
        if ticket.room is not None:
            ticket.room.drop()
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
        self._drain.set()

    async def wait_until_draining(self) -> None:
        """Return when no new requests are taken any more."""
        await self._drain.wait()

    async def wait_until_empty(self) -> None:
        """Return when every accepted request has been answered."""
        await self._empty.wait()

    @property
    def _max_requests_per_client(self) -> float:
        """A client with as many requests as this gets no other in."""
        return max(1.0, self._limits.client_share * self._limits.requests)

    def _check_requests(self, own: _Usage, images: int = 1) -> None:
        if self.requests + images > self._limits.requests:
            raise self._overloaded(f"{self.requests} requests are being worked on")
        if own.requests + images - 1 >= self._max_requests_per_client:
            raise self._too_many(f"{own.requests} requests of this client are being worked on")

    def _too_many(self, reason: str) -> TooManyRequests:
        detail = f"This client has its share of the service: {reason}."
        return TooManyRequests(detail, retry_after_seconds=self.retry_after())

    def _overloaded(self, reason: str) -> Overloaded:
        return Overloaded(f"The service is busy: {reason}.", retry_after_seconds=self.retry_after())
