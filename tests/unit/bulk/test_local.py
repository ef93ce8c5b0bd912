"""Worker processes of this machine: one that ends costs only the file that ends it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from service.bulk.local import on_processes
from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE, Order, Worker
from service.errors import WorkerLost
from tests.support.waiting import wait_until

FATAL = "fatal"
GIVEN_UP = "given-up"


@dataclass(frozen=True)
class Copies(Order):
    """Writes the names of files; ``FATAL`` ends the process."""

    unit: ClassVar[str] = "name"
    largest_task: ClassVar[int] = 1

    outputs: Path
    ends_at_once: bool = False
    waits: bool = False

    def files(self) -> Iterator[Path]:
        return map(Path, ("a", FATAL, "b", "c"))

    def takes(self, file: Path) -> bool:
        return True

    def output_of(self, file: Path) -> Path:
        return file.with_suffix(".txt")

    def worker(self) -> Worker:
        if self.ends_at_once:
            os._exit(1)
        return Copier(self)


class Copier(Worker):
    def __init__(self, order: Copies) -> None:
        super().__init__(order)
        self._waits = order.waits

    @property
    def identity(self) -> Mapping[str, str]:
        return {}

    def make(self, file: Path, output: Path) -> None:
        with self._outputs.begun(output) as unfinished:
            if file.name == FATAL:
                os._exit(1)
            if self._waits:
                wait_until((self._outputs.path / GIVEN_UP).exists)
            unfinished.write_text(file.name)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    OutputFolder(tmp_path / "outputs").open()
    return tmp_path / "outputs"


@pytest.mark.parametrize("processes", [1, 3])
def test_a_file_that_ends_its_workers_is_given_up_and_the_others_are_done(
    outputs: Path, processes: int
) -> None:
    """Even where the others are in hand each time that one ends its worker."""
    order = Copies(outputs, waits=processes > 1)
    files = [os.fsencode(file) for file in order.files()]
    results = {}
    for file, error, _ in on_processes(order, files, processes):
        results[file.decode()] = error
        if file == FATAL.encode():
            (outputs / GIVEN_UP).touch()
    assert results == {"a": DONE, "b": DONE, "c": DONE, FATAL: "worker-lost"}
    assert {path.name: path.read_text() for path in outputs.glob("*.txt")} == {
        f"{name}.txt": name for name in ("a", "b", "c")
    }


def test_workers_that_never_begin_are_not_started_for_ever(outputs: Path) -> None:
    with pytest.raises(WorkerLost, match="as soon as they are started"):
        list(on_processes(Copies(outputs, ends_at_once=True), [b"a"], 1))
