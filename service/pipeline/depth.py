"""Photos and tensors to depth, from admission to the encoded map; knows nothing of HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from service.decoding.decoder import Decoder
from service.errors import PayloadTooLarge
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import check_network_input
from service.imaging.tiles import TILES
from service.imaging.transforms import Tensor
from service.inference.catalog import NetworkCatalog
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer, DepthFacts
from service.pipeline.estimator import Detail, Estimate, Estimator, OutputSize
from service.pipeline.image_pool import ImagePool


@dataclass(frozen=True)
class DepthOrder:
    """What a caller asks for.

    ``write`` makes the answer's body of the map and, with metres, the facts of their fit; it runs
    in a thread.
    """

    model: str
    size: OutputSize
    media_type: str
    write: Callable[[DepthMap, Mapping[str, object]], bytes]
    metres: MetresOptions = field(default_factory=MetresOptions)
    detail: Detail = Detail.NORMAL


class DepthPipeline:
    """Runs requests for depth: image work in the pool, inference by the estimator."""

    def __init__(
        self,
        catalog: NetworkCatalog,
        estimator: Estimator,
        decoder: Decoder,
        pool: ImagePool,
        max_pixels: int,
    ) -> None:
        self._catalog = catalog
        self._estimator = estimator
        self._decoder = decoder
        self._pool = pool
        self._max_pixels = max_pixels

    async def run(
        self,
        data: bytes,
        order: DepthOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Answer:
        """Depth of the photo ``data``, encoded.

        Raises the errors of decoding, admission, loading, inference and encoding. Cancelling it
        drops the work at the next step.
        """
        with record.timed("decode"):
            pixels = await self._pool.run(ticket, self._decoder.count_pixels, data)
        high = order.detail is Detail.HIGH
        runs = 1 + TILES if high else 1
        ticket.admit(pixels / 1e6, gflop=runs * self._catalog.offer.find(order.model).gflop)
        network = await self._catalog.get_for(order.model, record)
        estimate_photo = self._estimator.detailed_photo if high else self._estimator.photo
        estimate = await estimate_photo(data, network, ticket, record)

        def finish() -> Answer:
            depth, facts, metres = estimate.sized(order.size), {}, None
            if order.metres.wanted:
                metres = metres_of(estimate.depth, order.metres)
                depth = metres.apply(depth)
                facts = {"calibration": metres.facts(estimate.depth)}
            with record.timed("encode"):
                return Answer(
                    body=order.write(depth, facts),
                    media_type=order.media_type,
                    depth=DepthFacts.of(depth, metres),
                    batch_size=estimate.batch_size,
                )

        with record.timed("resize"):
            return await self._pool.run(ticket, finish)

    async def run_photos(
        self, photos: Sequence[bytes], model: str, ticket: Ticket, record: RequestRecord
    ) -> list[Estimate]:
        """Depth of each of the photos, which are decoded and queued one by one.

        Raises as :meth:`run` does, and :class:`PayloadTooLarge` when the photos together have
        more pixels than one may have: their answers are in memory at the same time.
        """
        pixels = 0
        with record.timed("decode"):
            for data in photos:
                pixels += await self._pool.run(ticket, self._decoder.count_pixels, data)
        if len(photos) > 1 and pixels > self._max_pixels:
            raise PayloadTooLarge(
                f"The images of one request have {pixels / 1e6:.1f} megapixels together; the "
                f"limit is {self._max_pixels / 1e6:g}."
            )
        gflop = self._catalog.offer.find(model).gflop * len(photos)
        ticket.admit(pixels / 1e6, len(photos), gflop)
        network = await self._catalog.get_for(model, record)
        return await _side_by_side(
            [partial(self._estimator.photo, data, network, ticket) for data in photos], record
        )

    async def run_tensors(
        self, batch: Tensor, model: str, ticket: Ticket, record: RequestRecord
    ) -> list[Estimate]:
        """Depth of each network input of ``batch``, ``(n, 3, h, w)`` float32, queued one by one.

        Raises :class:`InvalidTensor` for what the network cannot take, and the errors of
        admission, loading and inference.
        """
        spec = self._catalog.offer.find(model)
        await self._pool.run(ticket, check_network_input, batch, spec.input_rule)
        count, _, height, width = batch.shape
        ticket.admit(count * height * width / 1e6, count, spec.gflop * count)
        network = await self._catalog.get_for(model, record)
        return await _side_by_side(
            [partial(self._estimator.tensor, tensor, network, ticket) for tensor in batch], record
        )


async def _side_by_side(
    pieces: Sequence[Callable[[RequestRecord], Coroutine[Any, Any, Estimate]]],
    record: RequestRecord,
) -> list[Estimate]:
    """Run the parts of one request at once; the first that fails cancels the others.

    Each has a record of its own, since stages that overlap do not add up: the request's stage
    took as long as that of its slowest part.
    """
    records = [record.part() for _ in pieces]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_part(piece, own, record))
                for piece, own in zip(pieces, records, strict=True)
            ]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    record.add_slowest(records)
    return [task.result() for task in tasks]


async def _part(
    piece: Callable[[RequestRecord], Coroutine[Any, Any, Estimate]],
    own: RequestRecord,
    record: RequestRecord,
) -> Estimate:
    estimate = await piece(own)
    record.finish(own)
    return estimate
