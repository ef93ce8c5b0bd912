"""What one process of a bulk run does: files in, files out, one line of report each."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from service.bulk.outputs import OutputFolder
from service.errors import DepthError

DONE = ""

_LOG = logging.getLogger(__name__)


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
    def takes(self, file: Path) -> bool:
        """Whether a file of that name is one to do."""

    @abstractmethod
    def output_of(self, file: Path) -> Path:
        """The output's path within the outputs."""

    @property
    def kind(self) -> str:
        """What the name of an output has after that of its file, such as ``.npy``."""
        return self.output_of(Path("x")).name.removeprefix("x")

    def is_output(self, file: Path) -> bool:
        """Whether a file of that name is of the kind that this makes, of whichever folder."""
        name = file.name.removesuffix(self.kind)
        return name != file.name and self.takes(Path(name))

    @abstractmethod
    def worker(self) -> Worker:
        """One that does it, in the process that asks."""


class Worker(ABC):
    """Loads the network once; then makes one file after the other."""

    def __init__(self, order: Order) -> None:
        self._outputs = OutputFolder(order.outputs)
        self._output_of = order.output_of

    def attempt(self, file: bytes) -> tuple[bytes, str, str]:
        """The file, and of what kept its output from being made the slug and the detail.

        A file is its path within the folder, as the bytes the file system knows it by; the slug of
        one whose output is there is :data:`DONE`.
        """
        return file, *self._fault_of(Path(os.fsdecode(file)))

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """What two runs must have in common for one to go on where the other ended."""

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
        except Exception:
            # A library's fault in one file; the others are not to suffer for it.
            _LOG.exception("cannot make the output of a file")
            return DepthError.slug, f"{DepthError.title} at this file; its log says how."
        return DONE, ""
