"""One photo and its depth through an effect; knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.decoding.decoder import Decoder
from service.effects.record import Effect, Source
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.decode import Photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.options import Options
from service.imaging.uploaded_depth import check_uploaded, count_npy, is_png, read_npy
from service.inference.catalog import NetworkCatalog
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer, DepthFacts
from service.pipeline.estimator import Estimator
from service.pipeline.image_pool import ImagePool
from service.pipeline.turnstile import Turnstile

UPLOADED = "uploaded"
"""Stands for the network's name where a client sent the depth map."""

# Upper bound of an effect's cost.
_MOST_EFFECT_MEGAPIXELS = 60.0


@dataclass(frozen=True)
class EffectOrder:
    """What to make of a photo and its depth."""

    model: str
    effect: Effect[Any]
    options: Options
    metres: MetresOptions = field(default_factory=MetresOptions)

    @property
    def format(self) -> str:
        """The kind of file."""
        name: str = self.options.format  # type: ignore[attr-defined]
        return name

    @property
    def side(self) -> int:
        """Longest side in pixels of the photo that the effect works on."""
        return self.effect.side(self.options)

    def megapixels(self, photo_pixels: int) -> float:
        """Most that the effect works on, for a photo of so many pixels."""
        pictures = self.effect.pictures(self.options)
        return min(_MOST_EFFECT_MEGAPIXELS, pictures * min(self.side**2, photo_pixels) / 1e6)

    def make(self, photo: Photo, depth: DepthMap, batch_size: int | None) -> Answer:
        """The effect on a photo; runs in a thread."""
        metres = metres_of(depth, self.metres) if self.metres.wanted else None
        source = Source(photo, depth, metres)
        return Answer(
            body=self.effect.make(source, self.options),
            media_type=self.effect.media_type(self.options),
            depth=DepthFacts.of(source.depth, metres),
            batch_size=batch_size,
        )


@dataclass(frozen=True)
class UploadedDepth:
    """A depth map's file as a client sent it; ``kind`` None is that of the order's network."""

    data: bytes
    kind: DepthKind | None


class EffectPipeline:
    """Runs effects: image work in the pool, depth by the estimator or as it was uploaded."""

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
        # Effects take up to seconds: they may not have every thread while photos wait.
        self._turns = Turnstile(max(1, pool.threads // 2))

    async def run(
        self,
        data: bytes,
        uploaded: UploadedDepth | None,
        order: EffectOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Answer:
        """The effect on the photo ``data``, by its own depth or an ``uploaded`` map.

        Raises the errors of :meth:`DepthPipeline.run`, and those of reading the uploaded map.
        """
        with record.timed("decode"):
            pixels = await self._pool.run(ticket, self._decoder.count_pixels, data)
            uploaded_pixels = 0
            if uploaded is not None:
                uploaded_pixels = await self._pool.run(ticket, self._count_uploaded, uploaded.data)
        gflop = self._catalog.offer.find(order.model).gflop if uploaded is None else 0.0
        megapixels = (pixels + uploaded_pixels) / 1e6 + order.megapixels(pixels)
        ticket.admit(megapixels, gflop=gflop)
        batch_size = None
        if uploaded is None:
            photo, depth, batch_size = await self._inferred(data, order, ticket, record)
        else:
            photo, depth = await self._uploaded(data, uploaded, order, ticket, record)
        with record.timed("queue"):
            await self._turns.enter(ticket.client)
        try:
            with record.timed("effect"):
                return await self._pool.run(ticket, order.make, photo, depth, batch_size)
        finally:
            self._turns.leave(ticket.client)

    async def _inferred(
        self, data: bytes, order: EffectOrder, ticket: Ticket, record: RequestRecord
    ) -> tuple[Photo, DepthMap, int]:
        network = await self._catalog.get_for(order.model, record)
        rule = network.spec.input_rule
        async with self._estimator.turn(ticket, record):
            with record.timed("decode"):
                source = await self._pool.run(
                    ticket, self._decoder.effect_input, data, rule, order.side
                )
                record.add_within("transform", source.transform_seconds)
            assert source.tensor is not None  # noqa: S101 (a rule was given)
            size = (source.photo.width, source.photo.height)
            estimate = await self._estimator.infer(source.tensor, size, network, ticket, record)
        return source.photo, estimate.depth, estimate.batch_size

    async def _uploaded(
        self,
        data: bytes,
        uploaded: UploadedDepth,
        order: EffectOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> tuple[Photo, DepthMap]:
        spec = self._catalog.offer.find(order.model)

        def decode() -> tuple[Photo, DepthMap]:
            photo = self._decoder.effect_input(data, None, order.side).photo
            if is_png(uploaded.data):
                values = self._decoder.grey16(uploaded.data).astype(np.float32)
            else:
                values = read_npy(uploaded.data, self._max_pixels)
            kind = uploaded.kind or spec.kind
            check_uploaded(values, kind, photo.width, photo.height, spec.input_rule)
            return photo, DepthMap(values, kind, UPLOADED)

        async with self._estimator.turn(ticket, record):
            with record.timed("decode"):
                return await self._pool.run(ticket, decode)

    def _count_uploaded(self, uploaded: bytes) -> int:
        if is_png(uploaded):
            return self._decoder.count_pixels(uploaded)
        return count_npy(uploaded, self._max_pixels)
