"""Folders of photos through an effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from service.bulk.worker import Order, Worker
from service.pipeline.offline import photos_in
from service.pipeline.offline_effect import OfflineEffect
from service.settings import Settings


@dataclass(frozen=True)
class EffectFolder(Order):
    """A folder of photos, of which the same is made."""

    unit: ClassVar[str] = "photo"
    largest_task: ClassVar[int] = 16

    photos: Path
    outputs: Path
    effect: OfflineEffect
    settings: Settings

    def files(self) -> Iterator[Path]:
        """See :class:`Order`."""
        return photos_in(self.photos)

    def output_of(self, file: Path) -> Path:
        """See :class:`Order`."""
        return self.effect.output_name(file)

    def worker(self) -> EffectWorker:
        """See :class:`Order`."""
        return EffectWorker(self)


class EffectWorker(Worker):
    """Makes the effect of photos."""

    def __init__(self, order: EffectFolder) -> None:
        super().__init__(order)
        self._order = order
        self._network = order.effect.network(order.settings)

    def make(self, file: Path, output: Path) -> None:
        """See :class:`Worker`."""
        with self._outputs.begun(output) as unfinished:
            data = (self._order.photos / file).read_bytes()
            unfinished.write_bytes(self._order.effect.make(self._network, data).body)
