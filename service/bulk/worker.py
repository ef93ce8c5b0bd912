"""What one process of a bulk run does: files in, files out, one line of report each."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from service.bulk.outputs import OutputFolder
from service.errors import DepthError
from service.pipeline.offline import OfflineDepth, photos_in
from service.settings import Settings

DONE = ""


class Order(ABC):
    """What is made of which folder; the same for all workers.

    ``unit`` is what one file is called, ``largest_task`` how many a worker has in hand at most.
    """

    unit: ClassVar[str]
    largest_task: ClassVar[int]
    outputs: Path

    @abstractmethod
    def files(self) -> Iterator[Path]:
        """What there is to do, as paths within the folder."""

    @abstractmethod
    def output_of(self, file: Path) -> Path:
        """The output's path within the outputs."""

    @abstractmethod
    def worker(self) -> Worker:
        """One that does it, in the process that asks."""


class Worker(ABC):
    """Loads the network once; then called with files."""

    def __init__(self, order: Order) -> None:
        self._outputs = OutputFolder(order.outputs)
        self._output_of = order.output_of

    def __call__(self, batch: dict[str, Sequence[bytes]]) -> dict[str, Sequence[Any]]:
        """Columns ``file``, ``error`` (a slug, or empty) and ``detail`` for a column ``file``.

        A file is its path within the folder, as the bytes the file system knows it by.
        """
        files = batch["file"]
        faults = [self._fault_of(Path(os.fsdecode(file))) for file in files]
        return {
            "file": files,
            "error": [error for error, _ in faults],
            "detail": [detail for _, detail in faults],
        }

    @abstractmethod
    def make(self, file: Path, output: Path) -> None:
        """Make the output of one file; both are paths within their folders."""

    def _fault_of(self, file: Path) -> tuple[str, str]:
        """Make the output of one file; what kept it from being made."""
        output = self._output_of(file)
        try:
            # Done by a worker that died later, with others of the same batch still to do.
            if not self._outputs.has(output):
                self.make(file, output)
        except DepthError as error:
            return error.slug, error.detail
        except OSError as error:
            return "file-error", error.strerror or type(error).__name__
        return DONE, ""


@dataclass(frozen=True)
class BulkOrder(Order):
    """A folder of photos."""

    unit: ClassVar[str] = "photo"
    largest_task: ClassVar[int] = 64

    photos: Path
    outputs: Path
    depth: OfflineDepth
    settings: Settings

    def files(self) -> Iterator[Path]:
        """See :class:`Order`."""
        return photos_in(self.photos)

    def output_of(self, file: Path) -> Path:
        """See :class:`Order`."""
        return self.depth.output_name(file)

    def worker(self) -> PhotoWorker:
        """See :class:`Order`."""
        return PhotoWorker(self)


class PhotoWorker(Worker):
    """Makes depth maps of photos."""

    def __init__(self, order: BulkOrder) -> None:
        super().__init__(order)
        self._order = order
        self._network = order.depth.network(order.settings)

    def make(self, file: Path, output: Path) -> None:
        """See :class:`Worker`."""
        with self._outputs.begun(output) as unfinished:
            data = (self._order.photos / file).read_bytes()
            body, _ = self._order.depth.make(self._network, data)
            unfinished.write_bytes(body)
