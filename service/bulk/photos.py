"""Folders of photos: of each the same is made, a file of depth or an effect's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from service.bulk.worker import Order, Worker
from service.pipeline.offline import OfflineDepth, is_photo, photos_in
from service.pipeline.offline_effect import OfflineEffect
from service.settings import Settings


@dataclass(frozen=True)
class PhotoOrder(Order):
    """A folder of photos, and what each becomes."""

    unit: ClassVar[str] = "photo"
    largest_task: ClassVar[int] = 64

    photos: Path
    outputs: Path
    wanted: OfflineDepth | OfflineEffect
    settings: Settings

    def files(self) -> Iterator[Path]:
        """See :class:`Order`."""
        return photos_in(self.photos)

    def takes(self, file: Path) -> bool:
        """See :class:`Order`."""
        return is_photo(file)

    def output_of(self, file: Path) -> Path:
        """See :class:`Order`."""
        return self.wanted.output_name(file)

    def worker(self) -> PhotoWorker:
        """See :class:`Order`."""
        return PhotoWorker(self)


class PhotoWorker(Worker):
    """Makes one photo after the other into its file."""

    def __init__(self, order: PhotoOrder) -> None:
        super().__init__(order)
        self._order = order
        self._network = order.wanted.network(order.settings)

    @property
    def identity(self) -> Mapping[str, str]:
        """See :class:`Worker`."""
        return self._network.identity_of(self._order.wanted)

    def make(self, file: Path, output: Path) -> None:
        """See :class:`Worker`."""
        with self._outputs.begun(output) as unfinished:
            data = (self._order.photos / file).read_bytes()
            unfinished.write_bytes(self._order.wanted.file(self._network, data))
