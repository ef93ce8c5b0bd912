"""Photos and tensors to depth, from admission to the encoded map; knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from service.geometry.camera import Camera, CameraOptions
from service.geometry.metres import Metres, MetresOptions, metres_of
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import check_network_input
from service.imaging.tiles import TILES
from service.imaging.transforms import Tensor
from service.models.spec import NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer, DepthFacts
from service.pipeline.estimator import Detail, Estimate, Estimator, OutputSize
from service.pipeline.workshop import Workshop


@dataclass(frozen=True)
class Measured:
    """The map that was asked for, and what it was made of.

    ``depth`` is in metres where something tells them: ``metres``, whose ``facts`` are those of the
    fit to :attr:`Estimate.calibrated`. ``estimate`` is the network's own map, ``shown`` what it was
    shown, ``(3, h, w)``. ``camera`` is the photo's, where it was asked for.
    """

    depth: DepthMap
    estimate: DepthMap
    shown: Tensor
    metres: Metres | None = None
    facts: Mapping[str, Any] | None = None
    camera: Camera | None = None

    @classmethod
    def of(
        cls,
        estimate: Estimate,
        size: OutputSize,
        options: MetresOptions,
        camera: CameraOptions | None = None,
    ) -> Measured:
        """``estimate`` at the size asked for.

        Raises as :func:`metres_of` and :meth:`CameraOptions.camera`.
        """
        width, height = estimate.width, estimate.height
        found = cls(
            estimate.sized(size),
            *(estimate.depth, estimate.shown),
            camera=None if camera is None else camera.camera(width, height, estimate.focal),
        )
        if not options.wanted:
            return found
        calibrated = estimate.calibrated
        metres = metres_of(calibrated, options)
        facts, depth = metres.facts(calibrated), metres.apply(found.depth)
        return dataclasses.replace(found, depth=depth, metres=metres, facts=facts)


@dataclass(frozen=True)
class DepthOrder:
    """What a caller asks for, of a ``network`` for inputs of the size asked for.

    ``write`` makes the answer's body; it runs in a thread. ``bytes_per_pixel`` is the most memory
    that it takes for each pixel of a map of the photo's size, the map and the body included; maps
    of the network's size take little. ``camera`` is what is known of the camera, for a ``write``
    that needs it.
    """

    network: NetworkSpec
    size: OutputSize
    media_type: str
    write: Callable[[Measured], bytes]
    metres: MetresOptions = field(default_factory=MetresOptions)
    detail: Detail = Detail.NORMAL
    bytes_per_pixel: float = 0.0
    camera: CameraOptions | None = None


class DepthPipeline:
    """Runs requests for depth maps."""

    def __init__(self, workshop: Workshop, estimator: Estimator) -> None:
        self._workshop = workshop
        self._estimator = estimator

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
        high = order.detail is Detail.HIGH
        sizes = await self._workshop.count([data], ticket, record)
        runs = 1 + TILES if high else 1
        spec = order.network
        self._workshop.admit(ticket, sizes.pixels, sizes.runs(spec) * runs)
        loaded = await self._workshop.catalog.get_for(spec.name, record)
        writing = order.bytes_per_pixel * sizes.pixels if order.size is OutputSize.ORIGINAL else 0
        await self._workshop.make_room(ticket, record, max(sizes.reading_bytes, writing))
        network = loaded.as_asked(spec)
        estimate_photo = self._estimator.detailed_photo if high else self._estimator.photo
        estimate = await estimate_photo(data, network, ticket, record)

        def finish() -> Answer:
            found = Measured.of(estimate, order.size, order.metres, order.camera)
            size = estimate.width, estimate.height
            with record.timed("encode"):
                return Answer(
                    body=order.write(found),
                    media_type=order.media_type,
                    depth=DepthFacts.of(found.depth, found.metres, found.facts),
                    batch_size=estimate.batch_size,
                    camera=None if found.camera is None else found.camera.text(*size),
                )

        with record.timed("resize"):
            return await self._workshop.run(ticket, finish)

    async def run_photos(
        self,
        photos: Sequence[bytes],
        spec: NetworkSpec,
        ticket: Ticket,
        record: RequestRecord,
        bytes_per_pixel: float = 0.0,
    ) -> list[Estimate]:
        """Depth of each of the photos, which are decoded and queued one by one.

        ``bytes_per_pixel`` is the most memory that what is made of the maps takes for each of the
        photos' pixels.

        Raises as :meth:`run` does, and :class:`PayloadTooLarge` when the photos together have
        more pixels than one may have.
        """
        sizes = await self._workshop.count(photos, ticket, record)
        self._workshop.admit(ticket, sizes.pixels, sizes.runs(spec), len(photos))
        loaded = await self._workshop.catalog.get_for(spec.name, record)
        network = loaded.as_asked(spec)
        writing = bytes_per_pixel * sizes.pixels
        await self._workshop.make_room(ticket, record, max(sizes.reading_bytes, writing))
        return await _side_by_side(
            [partial(self._estimator.photo, data, network, ticket) for data in photos], record
        )

    async def run_tensors(
        self, batch: Tensor, spec: NetworkSpec, ticket: Ticket, record: RequestRecord
    ) -> list[Estimate]:
        """Depth of each network input of ``batch``, ``(n, 3, h, w)`` float32, queued one by one.

        Raises :class:`InvalidTensor` for what the network cannot take, and the errors of
        admission, loading and inference.
        """
        await self._workshop.run(ticket, check_network_input, batch, spec.input_rule)
        count, _, height, width = batch.shape
        runs = [spec.run_on(width, height)] * count
        self._workshop.admit(ticket, count * height * width, runs, count)
        loaded = await self._workshop.catalog.get_for(spec.name, record)
        network = loaded.as_asked(spec)
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
