"""The one owner of threads, places and cost: every way in goes through the same steps.

Count the pixels, admit, take a turn, decode, infer, make, encode. A place is given back when the
work has really ended, not when its caller has left. Long work has threads and places of its own,
so that it can keep no photo, no frame of a stream and no probe waiting.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from service.decoding.decoder import Decoder
from service.errors import PayloadTooLarge
from service.imaging.network_input import input_bytes
from service.imaging.transforms import Tensor
from service.inference.catalog import NetworkCatalog
from service.inference.engines.selection import LoadedNetwork
from service.inference.scheduler import Inference, Scheduler
from service.models.spec import NetworkRun, NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.statistics import NetworkStatistics
from service.pipeline.turnstile import Place, Turnstile
from service.pipeline.work_threads import WorkThreads

T = TypeVar("T")

# Photos decoded while a batch runs. More would make a newcomer wait for more batches.
_DECODED_AHEAD = 2
# Half of them: the other cores are for photos. They stand back behind photos, too.
_EFFECT_THREADS_PER_CORE = 0.5
_EFFECT_NICENESS = 10
# A heatmap of a phone's photo of 12 megapixels takes as much. What takes no more passes by what
# does: of such there are never more at work than threads.
_SMALL_BYTES = 100_000_000


@dataclass(frozen=True)
class WorkshopLimits:
    """What may be at work at once.

    ``batch_size`` is the scheduler's. ``photo_pixels`` is the most that the photos of one request
    may have together, ``work_bytes`` the memory of all effects and large photos at work.
    ``network_bytes`` is what one run of a network may take beside its weights.
    ``scaled_decode`` is the setting. ``stuck_seconds`` is how long a photo's piece of work may take
    before its thread counts as lost, ``patience_seconds`` the same of work that nobody waits for
    any more.
    """

    cores: int
    batch_size: int
    photo_pixels: int
    work_bytes: int
    network_bytes: int
    scaled_decode: bool
    stuck_seconds: float
    patience_seconds: float


@dataclass(frozen=True)
class PhotoSizes:
    """``(width, height)`` of a request's photos, and the most memory that reading them takes."""

    photos: Sequence[tuple[int, int]]
    reading_bytes: int

    @property
    def pixels(self) -> int:
        """Of all photos."""
        return sum(width * height for width, height in self.photos)

    def runs(self, network: NetworkSpec) -> list[NetworkRun]:
        """The network on each of them."""
        rule = network.input_rule
        return [network.run_on(*rule.network_size(*photo)) for photo in self.photos]


class Workshop:
    """Everything that work needs, for all pipelines."""

    def __init__(
        self,
        catalog: NetworkCatalog,
        scheduler: Scheduler,
        decoder: Decoder,
        limits: WorkshopLimits,
    ) -> None:
        self.catalog = catalog
        self.decoder = decoder
        self.statistics: defaultdict[str, NetworkStatistics] = defaultdict(NetworkStatistics)
        self._scheduler = scheduler
        self._limits = limits
        places = limits.batch_size + _DECODED_AHEAD
        self._photo_turns = Turnstile(places, spare=places)
        self._photo_threads = WorkThreads("imaging", photo_threads(limits.cores))
        effect_threads = max(1, int(limits.cores * _EFFECT_THREADS_PER_CORE))
        self._effect_turns = Turnstile(effect_threads)
        self._room = Turnstile(math.inf, capacity=limits.work_bytes)
        self._effect_threads = WorkThreads("effects", effect_threads, _EFFECT_NICENESS)

    async def count(
        self,
        photos: Sequence[bytes],
        ticket: Ticket,
        record: RequestRecord,
        *,
        for_effect: bool = False,
    ) -> PhotoSizes:
        """Sizes of all the photos of a request, from their headers.

        Raises the errors of :meth:`Decoder.photo_size`, and :class:`PayloadTooLarge` when
        several photos together have more than one may have: they are in memory at the same time.
        """
        with record.timed("decode"):
            sizes = [await self.run(ticket, self.decoder.photo_size, data) for data in photos]
        counts = [width * height for width, height in sizes]
        if len(counts) > 1 and sum(counts) > self._limits.photo_pixels:
            share = math.sqrt(self._limits.photo_pixels / sum(counts))
            raise PayloadTooLarge(
                f"The images of one request have {sum(counts) / 1e6:.1f} megapixels together; the "
                f"limit is {self._limits.photo_pixels / 1e6:g}. Send fewer of them at once, or "
                f"shrink each to {math.floor(100 * share)}% of its width and height."
            )
        scaled = self._limits.scaled_decode
        reading = sum(
            input_bytes(data, pixels, scaled, whole=for_effect)
            for data, pixels in zip(photos, counts, strict=True)
        )
        return PhotoSizes(sizes, reading)

    def admit(
        self,
        ticket: Ticket,
        pixels: float,
        runs: Sequence[NetworkRun],
        images: int = 1,
        drawn: float = 0,
    ) -> None:
        """Reserve room for all these images or none.

        ``pixels`` are all that will be in memory, ``runs`` what networks will be asked, ``drawn``
        the pixels that an effect draws.
        Raises :class:`Overloaded`, or :class:`TooManyRequests` of one client's, and
        :class:`PayloadTooLarge` for an input that would never have the memory it takes.
        """
        for run in runs:
            run.check(self._limits.network_bytes)
        gflop = sum(run.gflop for run in runs)
        ticket.admit(pixels / 1e6, images, gflop, drawn / 1e6)

    async def make_room(
        self,
        ticket: Ticket,
        record: RequestRecord,
        bytes_needed: float,
        *,
        for_effect: bool = False,
    ) -> None:
        """Wait until what the request holds at its peak fits beside what others hold.

        Once a request, and before a photo's turn: who has one never waits for memory. It keeps its
        room until its ticket is closed. Small photos pass; what takes more than all is let in
        alone.
        """
        if for_effect or bytes_needed > _SMALL_BYTES:
            with record.timed("queue"):
                ticket.room = await self._room.enter(ticket.client, bytes_needed)

    @contextlib.asynccontextmanager
    async def turn(self, ticket: Ticket, record: RequestRecord) -> AsyncIterator[Place]:
        """Wait until it is this client's turn to decode and to use the network."""
        with record.timed("queue"):
            place = await self._photo_turns.enter(ticket.client)
        try:
            yield place
        finally:
            place.drop()

    async def run(
        self, ticket: Ticket, work: Callable[..., T], *args: object, place: Place | None = None
    ) -> T:
        """Do a photo's piece of work: decode, resize, encode."""
        held = (ticket,) if place is None else (ticket, place)
        return await self._photo_threads.run(held, work, *args)

    async def infer(
        self,
        network: LoadedNetwork,
        tensor: Tensor,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Inference:
        """Run a network on a ready input, within a turn."""
        record.stage = "queue"

        def begun() -> None:
            record.stage = "inference"

        executed = self.statistics[network.spec.name].executed
        inference = await self._scheduler.infer(
            network.engine, tensor, ticket.client, begun, executed
        )
        record.add("queue", inference.queue_seconds, inference.inference_seconds)
        record.add("inference", inference.inference_seconds)
        return inference

    @contextlib.asynccontextmanager
    async def effect_turn(self, ticket: Ticket, record: RequestRecord) -> AsyncIterator[Place]:
        """Wait until it is this client's turn for an effect, before anything is held for it."""
        with record.timed("queue"):
            place = await self._effect_turns.enter(ticket.client)
        try:
            yield place
        finally:
            place.drop()

    async def run_effect(
        self,
        ticket: Ticket,
        record: RequestRecord,
        place: Place,
        work: Callable[..., T],
        *args: object,
    ) -> T:
        """Do long work, within a turn for effects."""
        with record.timed("effect"):
            return await self._effect_threads.run((ticket, place), work, *args)

    def waiting(self) -> int:
        """Images that wait for anything: a turn, a thread or the network."""
        return sum(
            queue.waiting()
            for queue in (
                *(self._photo_turns, self._photo_threads, self._scheduler),
                *(self._effect_turns, self._effect_threads, self._room),
            )
        )

    def is_live(self) -> bool:
        """Whether no thread is stuck; an effect that somebody waits for may take its time."""
        return (
            self._photo_threads.oldest_work_seconds() < self._limits.stuck_seconds
            and self._effect_threads.oldest_abandoned_seconds() < self._limits.patience_seconds
        )

    def close(self) -> None:
        """Stop the threads."""
        self._photo_threads.close()
        self._effect_threads.close()


def photo_threads(cores: int) -> int:
    """Threads that decode and encode photos; as many decode processes serve them."""
    return max(2, cores)
