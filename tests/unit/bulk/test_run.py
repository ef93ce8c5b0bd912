"""A folder's run: what is there is of one identity a kind, and nothing is left over at the end."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.bulk.made_by import RECORD
from service.bulk.run import REPORT, BulkSummary, run_bulk
from service.bulk.worker import DONE, Order, Worker
from service.errors import InvalidParameter

HEATMAP, NPY, NORMALS = ".png", ".npy", ".relief.normals.png"
GRAY, INFERNO = {"colormap": "gray"}, {"colormap": "inferno"}


@dataclass(frozen=True)
class Made(Order):
    """Of each photo an empty file, whose name has ``suffix`` added."""

    photos: tuple[str, ...]
    outputs: Path
    suffix: str = HEATMAP

    unit = "photo"
    largest_task = 1

    def files(self) -> Iterator[Path]:
        return map(Path, self.photos)

    def takes(self, file: Path) -> bool:
        return file.suffix == ".jpg"

    def output_of(self, file: Path) -> Path:
        return file.with_name(file.name + self.suffix)

    def worker(self) -> Worker:
        pytest.fail("a run is told who works")


def done(order: Order, files: list[bytes]) -> Generator[tuple[bytes, str, str]]:
    for file in files:
        output = order.outputs / order.output_of(Path(file.decode()))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
        yield file, DONE, ""


def failed(_: Order, files: list[bytes]) -> Generator[tuple[bytes, str, str]]:
    return ((file, "undecodable-image", "It is cut.") for file in files)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def run(
    outputs: Path, identity: Mapping[str, str], suffix: str = HEATMAP, *photos: str
) -> BulkSummary:
    return run_bulk(Made(photos or ("a.jpg", "sub/b.jpg"), outputs, suffix), identity, done)


def test_a_run_goes_on_with_its_own_outputs_alone(outputs: Path) -> None:
    assert run(outputs, GRAY).done == 2
    with pytest.raises(InvalidParameter, match="made with other options"):
        run(outputs, INFERNO)
    assert run(outputs, GRAY).skipped == 2


def test_each_kind_of_output_has_a_record_of_its_own(outputs: Path) -> None:
    """Heatmaps do not keep numbers from being made beside them, nor are forgotten for them."""
    kinds = {HEATMAP: GRAY, NPY: {"size": "network"}, NORMALS: {"far_ratio": "6"}}
    for suffix, identity in kinds.items():
        assert run(outputs, identity, suffix).done == 2
    for suffix, identity in kinds.items():
        assert run(outputs, identity, suffix).skipped == 2
        with pytest.raises(InvalidParameter):
            run(outputs, INFERNO, suffix)
    assert json.loads((outputs / RECORD).read_bytes()) == kinds


def test_other_photos_are_not_mixed_in_either(outputs: Path) -> None:
    run(outputs, GRAY)
    with pytest.raises(InvalidParameter):
        run(outputs, INFERNO, HEATMAP, "c.jpg")
    assert run(outputs, GRAY, HEATMAP, "c.jpg").done == 1


def test_a_record_of_nothing_that_is_there_is_replaced(outputs: Path) -> None:
    run_bulk(Made(("a.jpg",), outputs), GRAY, failed)
    (outputs / "a.jpg.relief.normals.png").touch()
    (outputs / "chart.png").touch()  # somebody else's
    run(outputs, INFERNO)
    with pytest.raises(InvalidParameter):
        run(outputs, GRAY)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", None])
def test_a_record_that_cannot_be_read_is_none(outputs: Path, text: bytes | None) -> None:
    run(outputs, GRAY)
    record = outputs / RECORD
    record.unlink() if text is None else record.write_bytes(text)
    assert run(outputs, INFERNO).skipped == 2
    with pytest.raises(InvalidParameter):
        run(outputs, GRAY)


def test_a_record_that_says_the_same_is_not_written_again(outputs: Path) -> None:
    run(outputs, GRAY)
    before = (outputs / RECORD).stat()
    run(outputs, GRAY, HEATMAP, "c.jpg")
    after = (outputs / RECORD).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_record_that_cannot_be_written_stays_as_it_was(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(outputs, GRAY)
    before = (outputs / RECORD).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            run(outputs, INFERNO, NPY)
    assert (outputs / RECORD).read_bytes() == before


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_run_that_is_ended_leaves_nothing_unfinished(
    outputs: Path, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr("service.bulk.run.tqdm.close", lambda bar: closed.append("bar"))

    def ended(order: Order, files: list[bytes]) -> Generator[tuple[bytes, str, str]]:
        try:
            yield files[0], DONE, ""
            raise fault
        finally:
            # What is in hand may still be written to.
            closed.extend(path.name for path in outputs.glob(".unfinished"))

    with pytest.raises(type(fault)):
        run_bulk(Made(("a.jpg", "b.jpg"), outputs), GRAY, ended)
    assert closed == [".unfinished", "bar"]
    assert {path.name for path in outputs.iterdir()} == {RECORD, REPORT}
