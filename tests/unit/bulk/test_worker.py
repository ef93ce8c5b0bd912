"""One worker: whatever a file raises is that file's failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE, Order, Worker
from service.errors import UndecodableImage


@dataclass(frozen=True)
class Faults(Order):
    """Files that raise ``faults`` by their names."""

    faults: Mapping[str, BaseException]
    outputs: Path

    unit = "photo"
    largest_task = 1

    def files(self) -> Iterator[Path]:
        return map(Path, self.faults)

    def takes(self, file: Path) -> bool:
        return True

    def output_of(self, file: Path) -> Path:
        return file.with_suffix(".txt")

    def worker(self) -> Worker:
        return Faulty(self)


class Faulty(Worker):
    def __init__(self, order: Faults) -> None:
        super().__init__(order)
        self._faults = order.faults

    @property
    def identity(self) -> Mapping[str, str]:
        return {}

    def make(self, file: Path, output: Path) -> None:
        with self._outputs.begun(output) as unfinished:
            if (fault := self._faults.get(file.name)) is not None:
                raise fault
            unfinished.touch()


def test_whatever_a_file_raises_is_its_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = {
        "cut": UndecodableImage("It is cut."),
        "gone": FileNotFoundError(2, "No such file or directory", "/secret/place"),
        "odd": IndexError("/secret/place"),
        "large": MemoryError(),
    }
    OutputFolder(tmp_path).open()
    worker = Faults(faults, tmp_path).worker()
    failed = "The service failed at this file; its log says how."
    assert [worker.attempt(name.encode())[1:] for name in (*faults, "good")] == [
        ("undecodable-image", "It is cut."),
        ("file-error", "No such file or directory"),
        ("internal-error", failed),
        ("internal-error", failed),
        (DONE, ""),
    ]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        IndexError,
        MemoryError,
    ]


def test_an_interrupt_is_no_files_failure(tmp_path: Path) -> None:
    OutputFolder(tmp_path).open()
    worker = Faults({"any": KeyboardInterrupt()}, tmp_path).worker()
    with pytest.raises(KeyboardInterrupt):
        worker.attempt(b"any")
