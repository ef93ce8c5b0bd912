"""One photo through several networks; knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import orjson

from service.errors import PayloadTooLarge
from service.imaging import png
from service.imaging.archive import zip_of
from service.imaging.contact_sheet import TILE_SIDE, CaptionedMap, contact_sheet
from service.imaging.encode import EncodeOptions, encode_npy
from service.imaging.render import Colormap
from service.models.choice import NetworkChoice
from service.models.spec import NetworkSpec, Quality
from service.observability.context import RequestRecord
from service.pipeline.admission import Ticket
from service.pipeline.answer import Answer
from service.pipeline.estimator import Estimate, Estimator, OutputSize
from service.pipeline.workshop import Workshop


class ComparisonFormat(StrEnum):
    """How a comparison is answered."""

    PNG = "png"
    ZIP = "zip"


# In the ZIP, which grows ahead of what is in it; one more while it is written.
_MAP_BYTES_PER_PIXEL = 4.6

MEDIA_TYPES = {ComparisonFormat.PNG: png.MEDIA_TYPE, ComparisonFormat.ZIP: "application/zip"}


@dataclass(frozen=True)
class ComparisonOrder:
    """What a caller asks for."""

    models: tuple[str, ...]
    format: ComparisonFormat
    colormap: Colormap
    size: OutputSize
    quality: Quality | None = None


class ComparisonPipeline:
    """Runs comparisons: the networks one after the other, the picture in the image threads."""

    def __init__(self, workshop: Workshop, estimator: Estimator, work_bytes: int) -> None:
        self._workshop = workshop
        self._estimator = estimator
        self._work_bytes = work_bytes

    async def run(
        self, data: bytes, order: ComparisonOrder, ticket: Ticket, record: RequestRecord
    ) -> Answer:
        """All networks' depth of the photo ``data``.

        Raises the errors of decoding, admission, loading and inference, of the first network that
        fails, and :class:`PayloadTooLarge` for a ZIP that would never have the memory it takes.
        """
        sizes = await self._workshop.count([data], ticket, record)
        writing = self._writing_bytes(order, sizes.pixels)
        # The photo is decoded for each network, and a ZIP holds each one's map.
        served = self._workshop.catalog.served
        specs = [served.choose(NetworkChoice(name, quality=order.quality)) for name in order.models]
        runs = [run for spec in specs for run in sizes.runs(spec)]
        self._workshop.admit(ticket, sizes.pixels * len(specs), runs)
        await self._workshop.make_room(ticket, record, max(sizes.reading_bytes, writing))
        estimates: list[Estimate] = []
        milliseconds: dict[str, float] = {}
        for spec in specs:
            before = record.seconds.get("inference", 0.0)
            estimates.append(await self._estimate(data, spec, ticket, record))
            took = record.seconds["inference"] - before
            milliseconds[spec.name] = round(1000 * took, 1)
        if order.format is ComparisonFormat.ZIP:
            with record.timed("encode"):
                body = await self._workshop.run(
                    ticket, _archive, estimates, milliseconds, order.size
                )
        else:
            body = await self._sheet(data, estimates, milliseconds, order, ticket, record)
        return Answer(body, MEDIA_TYPES[order.format], milliseconds=milliseconds)

    async def _estimate(
        self, data: bytes, spec: NetworkSpec, ticket: Ticket, record: RequestRecord
    ) -> Estimate:
        """Of one network, which is let go before the next is loaded."""
        loaded = await self._workshop.catalog.get_for(spec.name, record)
        return await self._estimator.photo(data, loaded.as_asked(spec), ticket, record)

    def _writing_bytes(self, order: ComparisonOrder, pixels: int) -> float:
        if order.format is not ComparisonFormat.ZIP or order.size is not OutputSize.ORIGINAL:
            return 0
        needed = _MAP_BYTES_PER_PIXEL * (len(order.models) + 1) * pixels
        if needed > self._work_bytes:
            raise PayloadTooLarge(
                f"The maps would take {needed / 1e6:.0f} MB of memory for this photo; the limit is "
                f"{self._work_bytes / 1e6:.0f}. Ask for size=network, or for fewer models."
            )
        return needed

    async def _sheet(
        self,
        data: bytes,
        estimates: list[Estimate],
        milliseconds: dict[str, float],
        order: ComparisonOrder,
        ticket: Ticket,
        record: RequestRecord,
    ) -> bytes:
        decode = self._workshop.decoder.effect_input
        async with self._workshop.turn(ticket, record) as place:
            with record.timed("decode"):
                source = await self._workshop.run(
                    ticket, decode, data, None, TILE_SIDE, place=place
                )

        def draw() -> bytes:
            maps = [
                CaptionedMap(one.depth, f"{name}, {milliseconds[name]:g} ms")
                for name, one in zip(order.models, estimates, strict=True)
            ]
            return png.encode_rgb(contact_sheet(source.photo.pixels, maps, order.colormap))

        with record.timed("encode"):
            return await self._workshop.run(ticket, draw)


def _archive(estimates: list[Estimate], milliseconds: dict[str, float], size: OutputSize) -> bytes:
    """A ZIP of an NPY a network, and ``comparison.json`` with what the numbers mean."""
    files, table = {}, []
    for estimate in estimates:
        depth = estimate.sized(size)
        name = f"{depth.model}.npy"
        files[name] = encode_npy(depth, EncodeOptions())
        table.append(
            {
                "model": depth.model,
                "file": name,
                "kind": depth.kind,
                "unit": depth.kind.unit,
                "width": depth.width,
                "height": depth.height,
                "inference_ms": milliseconds[depth.model],
            }
        )
    files["comparison.json"] = orjson.dumps(table, option=orjson.OPT_INDENT_2)
    return zip_of(files)
