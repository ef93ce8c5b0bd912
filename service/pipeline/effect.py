"""One photo and its depth through an effect; knows nothing of HTTP."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from service.effects.record import Effect, Source
from service.errors import PayloadTooLarge
from service.geometry.camera import CameraOptions
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap, check_limits
from service.imaging.npy import count_npy
from service.imaging.options import Options
from service.imaging.uploaded_depth import (
    DepthFile,
    DepthMeaning,
    MapSizes,
    count_floats,
    depth_map_of,
    fitted_to_photo,
    is_picture_file,
    read_depth_file,
)
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer, DepthFacts
from service.pipeline.estimator import Estimator
from service.pipeline.workshop import Workshop

# Of an uploaded map: its float32 values, their nearness and masks of both; while it is read from
# an NPZ of float64, more.
_UPLOADED_BYTES_PER_PIXEL = 12
_READ_BYTES_PER_PIXEL = 23


@dataclass(frozen=True)
class EffectOrder:
    """What to make of a photo and its depth, of which ``near`` and ``far`` limit what counts.

    The depth is of ``network``, for inputs of the size asked for.
    """

    network: NetworkSpec
    effect: Effect[Any]
    options: Options
    metres: MetresOptions = field(default_factory=MetresOptions)
    near: float | None = None
    far: float | None = None

    @property
    def format(self) -> str:
        """The kind of file."""
        name: str = self.options.format  # type: ignore[attr-defined]
        return name

    @property
    def side(self) -> int:
        """Longest side in pixels of the photo that the effect works on."""
        return self.effect.side(self.options)

    def check(self) -> None:
        """Raise :class:`InvalidParameter` for what no photo could satisfy."""
        self.metres.check(self.network.kind)
        check_limits(self.near, self.far, self.metres.kind_of(self.network.kind))
        self.check_camera()

    def check_camera(self) -> None:
        """Of :meth:`check` what holds for depth from elsewhere, too."""
        if isinstance(self.options, CameraOptions):
            self.options.check_camera()

    def pixels(self, photo_pixels: int) -> int:
        """Most that the effect draws, for a photo of so many pixels."""
        return self.effect.pictures(self.options) * min(self.side**2, photo_pixels)

    def make(self, photo: Photo, depth: DepthMap, batch_size: int | None) -> Answer:
        """The effect on a photo; runs in a thread."""
        metres = metres_of(depth, self.metres) if self.metres.wanted else None
        camera = None
        if isinstance(self.options, CameraOptions):
            camera = self.options.camera(photo.width, photo.height, photo.focal)
        source = Source(photo, depth, metres, camera, self.near, self.far)
        return Answer(
            body=self.effect.make(source, self.options),
            media_type=self.effect.media_type(self.options),
            depth=DepthFacts.of(source.depth, metres),
            batch_size=batch_size,
            camera=None if camera is None else camera.text(photo.width, photo.height),
            file_name=self.effect.file_name(self.options),
        )


@dataclass(frozen=True)
class UploadedDepth:
    """A depth map's file as a client sent it, and what the client says of it."""

    data: bytes
    meaning: DepthMeaning = field(default_factory=DepthMeaning)


@dataclass(frozen=True)
class EffectLimits:
    """Most pixels of an uploaded map, and most bytes that one effect may work with."""

    max_pixels: int
    work_bytes: int


class EffectPipeline:
    """Runs effects: by the depth that a network gives, or as it was uploaded."""

    def __init__(self, workshop: Workshop, estimator: Estimator, limits: EffectLimits) -> None:
        self._workshop = workshop
        self._estimator = estimator
        self._limits = limits

    async def run(
        self,
        data: bytes,
        uploaded: UploadedDepth | None,
        order: EffectOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> Answer:
        """The effect on the photo ``data``, by its own depth or an ``uploaded`` map.

        Raises the errors of :meth:`DepthPipeline.run`, those of reading the uploaded map, and
        :class:`PayloadTooLarge` for an effect that would never have the memory it takes.
        """
        sizes = await self._workshop.count([data], ticket, record, for_effect=True)
        pixels, of_map = sizes.pixels, 0
        if uploaded is not None:
            with record.timed("decode"):
                of_map = await self._workshop.run(ticket, self._count_uploaded, uploaded.data)
        bytes_needed = max(
            self._working_bytes(order, pixels, of_map),
            sizes.reading_bytes + _READ_BYTES_PER_PIXEL * of_map,
        )
        runs = sizes.runs(order.network) if uploaded is None else []
        self._workshop.admit(ticket, pixels + of_map, runs, drawn=order.pixels(pixels))
        if uploaded is None:
            # Loading it may take longer than a turn should.
            await self._workshop.catalog.get_for(order.network.name, record)
        async with self._workshop.effect_turn(ticket, record) as place:
            await self._workshop.make_room(ticket, record, bytes_needed, for_effect=True)
            batch_size = None
            if uploaded is None:
                photo, depth, batch_size = await self._inferred(data, order, ticket, record)
            else:
                photo, depth = await self._uploaded(data, uploaded, order, ticket, record)
            return await self._workshop.run_effect(
                ticket, record, place, order.make, photo, depth, batch_size
            )

    def _working_bytes(self, order: EffectOrder, pixels: int, of_map: int) -> int:
        needed = order.effect.working_bytes(order.options, min(order.side**2, pixels))
        needed += _UPLOADED_BYTES_PER_PIXEL * of_map
        needed = max(needed, _READ_BYTES_PER_PIXEL * of_map)
        if needed > self._limits.work_bytes:
            lowered = (*order.effect.lowered_by, *(["the depth map's size"] if of_map else []))
            raise PayloadTooLarge(
                f"{order.effect.name} would take {needed / 1e6:.0f} MB of memory for this photo; "
                f"the limit is {self._limits.work_bytes / 1e6:.0f}. Lower {' or '.join(lowered)}."
            )
        return needed

    async def _inferred(
        self, data: bytes, order: EffectOrder, ticket: Ticket, record: RequestRecord
    ) -> tuple[Photo, DepthMap, int]:
        loaded = await self._workshop.catalog.get_for(order.network.name, record)
        network = loaded.as_asked(order.network)
        photo, estimate = await self._estimator.photo_for_effect(
            data, order.side, network, ticket, record
        )
        return photo, estimate.depth, estimate.batch_size

    async def _uploaded(
        self,
        data: bytes,
        uploaded: UploadedDepth,
        order: EffectOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> tuple[Photo, DepthMap]:
        spec = order.network
        decoder = self._workshop.decoder

        def decode() -> tuple[Photo, DepthMap]:
            photo = decoder.effect_input(data, None, order.side).photo
            file = read_depth_file(uploaded.data, self._limits.max_pixels, decoder.grey)
            depth = depth_map_of(file, uploaded.meaning, spec.kind)
            if (named := named_network(file)) is not None:
                depth = dataclasses.replace(depth, guessed=named.kind)
            sizes = map_sizes(file, spec)
            return photo, fitted_to_photo(depth, photo.width, photo.height, sizes)

        async with self._workshop.turn(ticket, record) as place:
            with record.timed("decode"):
                return await self._workshop.run(ticket, decode, place=place)

    def _count_uploaded(self, uploaded: bytes) -> int:
        if (pixels := count_floats(uploaded, self._limits.max_pixels)) is not None:
            return pixels
        if is_picture_file(uploaded):
            return math.prod(self._workshop.decoder.photo_size(uploaded))
        return count_npy(uploaded, self._limits.max_pixels)


def named_network(file: DepthFile) -> NetworkSpec | None:
    """The network that the file says its depth is of."""
    return SPECS.get(file.description.model) if file.description else None


def map_sizes(file: DepthFile, asked: NetworkSpec) -> MapSizes:
    """Sizes that an uploaded map may have beside the photo's.

    They are those of the network that the file says it is of, else of the one ``asked`` for.
    """
    named = named_network(file)
    spec = named or find_spec(asked.name)
    at_size = asked if spec.name == asked.name else spec
    is_sure = named is not None
    return MapSizes(at_size.input_rule, spec.input_rules, spec.enlarge, is_sure)
