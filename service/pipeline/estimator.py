"""One image through its client's turn, decoding and the network."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from service.imaging.border import Border
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.network_input import NetworkInput
from service.imaging.tiles import cut, finer, has_detail, merge
from service.imaging.transforms import InputRule, Tensor
from service.imaging.views import mean_of_views, views
from service.inference.engines.selection import LoadedNetwork
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.turnstile import Place
from service.pipeline.workshop import Workshop


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
    """What a network says of one image of a known size in pixels.

    ``answer`` is its map at its own size, of the image and the ``border`` around it, and ``input``
    what it was shown, ``(3, h, w)``. ``focal`` is as in :class:`Photo`. ``whole`` is its answer
    before tiles were merged in, None where none were.
    """

    answer: DepthMap
    border: Border
    batch_size: int
    input: Tensor
    focal: int = 0
    whole: DepthMap | None = None

    @property
    def width(self) -> int:
        """The image's width in pixels."""
        return self.border.width

    @property
    def height(self) -> int:
        """The image's height in pixels."""
        return self.border.height

    @functools.cached_property
    def depth(self) -> DepthMap:
        """The image's map at the network's size."""
        return self.answer.replaced(self.border.cut_small(self.answer.values))

    @property
    def calibrated(self) -> DepthMap:
        """The map that metres are fitted to: the same with detail and without, so is the fit."""
        if self.whole is None:
            return self.depth
        return self.whole.replaced(self.border.cut_small(self.whole.values))

    def with_tiles(self, tiles: Sequence[DepthMap]) -> Estimate:
        """The estimate with the answers of :func:`cut`'s tiles merged in."""
        return dataclasses.replace(self, answer=merge(self.answer, tiles), whole=self.answer)

    @functools.cached_property
    def shown(self) -> Tensor:
        """The image as the network was shown it, ``(3, h, w)``, of the size of ``depth``."""
        if self.border.is_none:
            return self.input
        return np.stack([self.border.cut_small(plane) for plane in self.input])

    def shape(self, size: OutputSize) -> tuple[int, int]:
        """``(height, width)`` in one of the two sizes."""
        if size is OutputSize.NETWORK:
            return self.depth.height, self.depth.width
        return self.height, self.width

    def sized(self, size: OutputSize) -> DepthMap:
        """The depth map in one of the two sizes."""
        if size is OutputSize.NETWORK:
            return self.depth
        resized = self.answer.resized(*self.border.outer_size)
        if resized.values.shape == (self.height, self.width):
            return resized
        return resized.replaced(self.border.cut(resized.values))


class Estimator:
    """From one image to its depth: decodes and infers in the workshop, in its client's turn."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def photo(
        self, data: bytes, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """Decode and run the network, when it is this client's turn."""
        async with self._turn(network, ticket, record) as place:
            decoded = await self._decoded(data, network.spec.input_rule, ticket, record, place)
            border = network.spec.input_rule.border(decoded.width, decoded.height)
            estimate = await self.infer(decoded.tensor, border, network, ticket, record)
            return dataclasses.replace(estimate, focal=decoded.focal)

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
        async with self._turn(network, ticket, record) as place:
            decoded = await self._decoded(data, finer(rule), ticket, record, place)
            # One after the other: all at once would keep others from the network for as long.
            tiles = [
                await self.infer(tile, whole.border, network, ticket, record)
                for tile in cut(decoded.tensor)
            ]
        with record.timed("resize"):
            answers = [tile.answer for tile in tiles]
            return await self._workshop.run(ticket, whole.with_tiles, answers)

    async def photo_for_effect(
        self, data: bytes, side: int, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> tuple[Photo, Estimate]:
        """As :meth:`photo`, and from the same decode the photo within ``side`` pixels."""
        async with self._turn(network, ticket, record) as place:
            with record.timed("decode"):
                source = await self._workshop.run(
                    ticket,
                    *(self._workshop.decoder.effect_input, data, network.spec.input_rule, side),
                    place=place,
                )
                record.add_within("transform", source.transform_seconds)
            assert source.tensor is not None  # noqa: S101 (a rule was given)
            border = network.spec.input_rule.border(source.photo.width, source.photo.height)
            return source.photo, await self.infer(source.tensor, border, network, ticket, record)

    async def tensor(
        self, tensor: Tensor, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """Run the network on a ready input, when it is this client's turn."""
        async with self._turn(network, ticket, record):
            _, height, width = tensor.shape
            return await self.infer(tensor, Border(width, height), network, ticket, record)

    async def infer(
        self,
        tensor: Tensor,
        border: Border,
        network: LoadedNetwork,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Estimate:
        """Run the network on a ready input, within a turn: an image with this ``border``."""
        spec = network.spec
        # One after the other, as tiles: others come between.
        answers = [
            await self._workshop.infer(network, view, ticket, record)
            for view in views(tensor, spec.input_rule)
        ]
        values = mean_of_views([answer.depth for answer in answers])
        depth = DepthMap(values, spec.kind, spec.name, spec.enlarge)
        return Estimate(depth, border, answers[0].batch_size, tensor)

    @contextlib.asynccontextmanager
    async def _turn(
        self, network: LoadedNetwork, ticket: Ticket, record: RequestRecord
    ) -> AsyncIterator[Place]:
        """A turn that counts in the network's statistics, with the wait for it."""
        with self._workshop.statistics[network.spec.name].image(record):
            async with self._workshop.turn(ticket, record) as place:
                yield place

    async def _decoded(
        self, data: bytes, rule: InputRule, ticket: Ticket, record: RequestRecord, place: Place
    ) -> NetworkInput:
        with record.timed("decode"):
            decoder = self._workshop.decoder
            decoded = await self._workshop.run(
                ticket, decoder.network_input, data, rule, place=place
            )
            record.add_within("transform", decoded.transform_seconds)
            return decoded
