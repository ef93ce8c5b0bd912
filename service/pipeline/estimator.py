"""One image through its client's turn, decoding and the network."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from service.decoding.decoder import Decoder
from service.imaging.depth_map import DepthMap
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.tiles import cut, finer, has_detail, merge
from service.imaging.transforms import Tensor
from service.inference.engines.selection import LoadedNetwork
from service.inference.scheduler import Scheduler
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.image_pool import ImagePool
from service.pipeline.turnstile import Turnstile


class Detail(StrEnum):
    """How much of a photo's detail the network is shown."""

    NORMAL = "normal"
    HIGH = "high"


class OutputSize(StrEnum):
    """Size of the answer."""

    ORIGINAL = "original"
    NETWORK = "network"

    @classmethod
    def default_of(cls, format: OutputFormat) -> OutputSize:
        """What is written where no size was asked for: numbers as text are long."""
        return cls.NETWORK if FORMATS[format].as_text else cls.ORIGINAL


@dataclass(frozen=True)
class Estimate:
    """What a network says of one image: depth at the network's size, and the image's own size."""

    depth: DepthMap
    width: int
    height: int
    batch_size: int

    def shape(self, size: OutputSize) -> tuple[int, int]:
        """``(height, width)`` in one of the two sizes."""
        if size is OutputSize.NETWORK:
            return self.depth.height, self.depth.width
        return self.height, self.width

    def sized(self, size: OutputSize) -> DepthMap:
        """The depth map in one of the two sizes."""
        if size is OutputSize.NETWORK:
            return self.depth
        return self.depth.resized(self.width, self.height)


class Estimator:
    """Gives each image its turn; decodes in the image pool, infers through the scheduler."""

    def __init__(
        self, scheduler: Scheduler, turnstile: Turnstile, decoder: Decoder, pool: ImagePool
    ) -> None:
        self._scheduler = scheduler
        self._turnstile = turnstile
        self._decoder = decoder
        self._pool = pool

    async def photo(
        self, data: bytes, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """Decode and run the network, when it is this client's turn."""
        async with self.turn(ticket, record):
            with record.timed("decode"):
                decoded = await self._pool.run(
                    ticket, self._decoder.network_input, data, network.spec.input_rule
                )
                record.add_within("transform", decoded.transform_seconds)
            size = (decoded.width, decoded.height)
            return await self.infer(decoded.tensor, size, network, ticket, record)

    async def detailed_photo(
        self, data: bytes, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """As :meth:`photo`, at twice the network's resolution, with overlapping tiles merged in.

        A photo that has no more to show is answered as :meth:`photo` does.
        """
        whole = await self.photo(data, network, ticket, record)
        rule = network.spec.input_rule
        if not has_detail(rule, whole.width, whole.height):
            return whole
        size = (whole.width, whole.height)
        async with self.turn(ticket, record):
            with record.timed("decode"):
                decoded = await self._pool.run(
                    ticket, self._decoder.network_input, data, finer(rule)
                )
                record.add_within("transform", decoded.transform_seconds)
            # One after the other: all at once would keep others from the network for as long.
            tiles = [
                await self.infer(tile, size, network, ticket, record)
                for tile in cut(decoded.tensor)
            ]
        with record.timed("resize"):
            values = await self._pool.run(
                ticket, merge, whole.depth.values, [tile.depth.values for tile in tiles]
            )
        return dataclasses.replace(whole, depth=whole.depth.replaced(values))

    async def tensor(
        self, tensor: Tensor, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """Run the network on a ready input, when it is this client's turn."""
        async with self.turn(ticket, record):
            _, height, width = tensor.shape
            return await self.infer(tensor, (width, height), network, ticket, record)

    @contextlib.asynccontextmanager
    async def turn(self, ticket: Ticket, record: RequestRecord) -> AsyncIterator[None]:
        """Wait until it is this client's turn to decode and to use the network."""
        with record.timed("queue"):
            await self._turnstile.enter(ticket.client)
        try:
            yield
        finally:
            self._turnstile.leave(ticket.client)

    async def infer(
        self,
        tensor: Tensor,
        size: tuple[int, int],
        network: LoadedNetwork,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Estimate:
        """Run the network on a ready input, within a turn; ``size`` is the image's."""
        record.stage = "queue"

        def begun() -> None:
            record.stage = "inference"

        inference = await self._scheduler.infer(network.engine, tensor, ticket.client, begun)
        record.add("queue", inference.queue_seconds, inference.inference_seconds)
        record.add("inference", inference.inference_seconds)
        spec = network.spec
        depth = DepthMap(inference.depth, spec.kind, spec.name, spec.enlarge)
        return Estimate(depth, *size, inference.batch_size)
