"""What one process of a bulk run does: photos in, files out, one line of report each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.bulk.outputs import OutputFolder
from service.errors import DepthError
from service.imaging.encode import EncodeOptions
from service.imaging.formats import OutputFormat, encode
from service.models.spec import Quality
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineNetwork, output_name
from service.settings import Settings

DONE = ""


@dataclass(frozen=True)
class BulkOrder:
    """What is made of which folder; the same for all workers."""

    photos: Path
    outputs: Path
    model: str | None
    size: OutputSize
    format: OutputFormat
    options: EncodeOptions
    settings: Settings
    resolution: int | None = None
    quality: Quality | None = None


class PhotoWorker:
    """Loads the network once; then called with photos."""

    def __init__(self, order: BulkOrder) -> None:
        self._order = order
        self._outputs = OutputFolder(order.outputs)
        self._network = OfflineNetwork(order.model, order.settings, order.resolution, order.quality)

    def __call__(self, batch: dict[str, Sequence[bytes]]) -> dict[str, Sequence[Any]]:
        """Columns ``photo``, ``error`` (a slug, or empty) and ``detail`` for a column ``photo``.

        A photo is its path within the folder, as the bytes the file system knows it by.
        """
        photos = batch["photo"]
        faults = [self._fault_of(Path(os.fsdecode(photo))) for photo in photos]
        return {
            "photo": photos,
            "error": [error for error, _ in faults],
            "detail": [detail for _, detail in faults],
        }

    def _fault_of(self, photo: Path) -> tuple[str, str]:
        """Make the output of one photo; what kept it from being made."""
        try:
            self._make(photo)
        except DepthError as error:
            return error.slug, error.detail
        except OSError as error:
            return "file-error", error.strerror or type(error).__name__
        return DONE, ""

    def _make(self, photo: Path) -> None:
        name = output_name(photo, self._order.format)
        # Done by a worker that died later, with others of the same batch still to do.
        if self._outputs.has(name):
            return
        with self._outputs.begun(name) as unfinished:
            data = (self._order.photos / photo).read_bytes()
            depth = self._network.depth(data, self._order.size)
            unfinished.write_bytes(encode(depth, self._order.format, self._order.options))
