from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from service.bulk.outputs import OutputFolder
from service.errors import WorkerLost
from service.imaging.formats import OutputFormat
from service.pipeline.offline import output_name, photos_in

NAME = Path("sub", "cup.jpg.png")


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    folder = OutputFolder(tmp_path / "out")
    folder.open()
    return folder


def files(folder: OutputFolder) -> list[Path]:
    """But what is unfinished."""
    return [path for path in folder.path.rglob("[!.]*") if path.is_file()]


def test_an_output_appears_when_it_is_whole(folder: OutputFolder) -> None:
    with folder.begun(NAME) as unfinished:
        unfinished.write_bytes(b"half")
        assert not folder.has(NAME)
    assert folder.has(NAME)
    assert files(folder) == [folder.path / NAME]
    assert (folder.path / NAME).read_bytes() == b"half"


def test_a_folder_of_that_name_is_no_output(folder: OutputFolder) -> None:
    (folder.path / NAME).mkdir(parents=True)
    assert not folder.has(NAME)


def test_a_failure_leaves_nothing_and_is_no_lost_worker(folder: OutputFolder) -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="bad photo"), folder.begun(NAME) as unfinished:
            unfinished.write_bytes(b"half")
            raise ValueError("bad photo")
    assert files(folder) == []


def test_two_workers_with_the_same_photo_leave_one_output(folder: OutputFolder) -> None:
    with folder.begun(NAME) as first, folder.begun(NAME) as second:
        assert first != second
        first.write_bytes(b"depth")
        second.write_bytes(b"depth")
    assert files(folder) == [folder.path / NAME]


def test_a_photo_that_three_workers_died_of_is_given_up(folder: OutputFolder) -> None:
    # A killed worker runs no cleanup: its generator is never resumed.
    dead = [folder.begun(NAME) for _ in range(3)]
    for each in dead:
        each.__enter__()
    with pytest.raises(WorkerLost), folder.begun(NAME):
        pass
    folder.open()  # the next run
    with folder.begun(NAME) as unfinished:
        unfinished.write_bytes(b"depth")
    assert folder.has(NAME)


def test_closing_removes_what_is_unfinished(folder: OutputFolder) -> None:
    dead = folder.begun(NAME)
    dead.__enter__()
    folder.close()
    assert list(folder.path.iterdir()) == []


def test_photos_are_told_by_their_suffix_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "sub/c.tiff", "notes.txt", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(photos_in(tmp_path)) == [Path("a.png"), Path("b.JPG"), Path("sub/c.tiff")]


def test_what_a_link_leads_to_is_a_photo_and_a_pipe_is_none(tmp_path: Path) -> None:
    """A pipe without a writer would be read for ever; who opens a broken link is told why."""
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a.jpg").touch()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to(elsewhere / "a.jpg")
    (folder / "piped.jpg").symlink_to(folder / "pipe.jpg")
    (folder / "broken.jpg").symlink_to(elsewhere / "none.jpg")
    (folder / "circle.jpg").symlink_to(folder / "circle.jpg")
    (folder / "more").symlink_to(elsewhere)
    assert [path.name for path in photos_in(folder)] == ["broken.jpg", "circle.jpg", "link.jpg"]


def test_a_folder_that_may_not_be_read_is_not_left_out_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir()
    scandir = os.scandir

    def refused(path: str) -> object:
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(PermissionError, match="private"):
        list(photos_in(tmp_path))


def test_no_two_photos_share_an_output() -> None:
    photos = [Path("a.jpg"), Path("a.png"), Path("a"), Path("sub/a.jpg"), Path("a.jpg.png")]
    for format in OutputFormat:
        assert len({output_name(photo, format) for photo in photos}) == len(photos)
