"""Folders of clips: one clip a task, taken up where a lost worker left it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from service.bulk.worker import Order, Worker
from service.pipeline.offline import OfflineNetwork, files_in
from service.settings import Settings
from service.video.order import VideoOrder
from service.video.run import make_video

_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".flv",
        ".ogv",
        ".wmv",
        ".3gp",
    ]
)


@dataclass(frozen=True)
class ClipOrder(Order):
    """A folder of clips. ``suffix`` is that of the outputs, as ``service video`` reads it."""

    unit: ClassVar[str] = "clip"
    largest_task: ClassVar[int] = 1

    clips: Path
    outputs: Path
    suffix: str
    video: VideoOrder
    settings: Settings

    def files(self) -> Iterator[Path]:
        """See :class:`Order`."""
        return filter(self.takes, files_in(self.clips))

    def takes(self, file: Path) -> bool:
        """See :class:`Order`."""
        return file.suffix.lower() in _SUFFIXES

    def output_of(self, file: Path) -> Path:
        """The whole name and a suffix: ``a.mp4`` and ``a.mov`` are different clips."""
        return file.with_name(file.name + self.suffix)

    def worker(self) -> ClipWorker:
        """See :class:`Order`."""
        return ClipWorker(self)


class ClipWorker(Worker):
    """Makes clips of depth."""

    def __init__(self, order: ClipOrder) -> None:
        super().__init__(order)
        self._order = order
        self._network = OfflineNetwork(order.video.network, order.settings)
        order.video.metres.check(self._network.spec.kind)

    @property
    def identity(self) -> Mapping[str, str]:
        """See :class:`Worker`."""
        return self._network.identity_of(self._order.video)

    def make(self, file: Path, output: Path) -> None:
        """See :class:`Worker`; what an earlier attempt had finished of it is not done again."""
        target = self._order.outputs / output
        with self._outputs.tried(output):
            target.parent.mkdir(parents=True, exist_ok=True)
            clip = self._order.clips / file
            make_video(clip, target, self._order.video, lambda: self._network, resume=None)
