"""Files that commands cannot read or write: one line that names them, and status 2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from tests.support.clips import write_clip
from tests.support.commands import run_command
from tests.support.photos import photo_bytes, photo_path
from tests.support.server import ROOT, run_service, service_env

PHOTO = str(photo_path("coffee.png"))
LONG = "x" * 300 + ".png"
WRITERS = (("predict", PHOTO, "-o"), ("effect", "relief", PHOTO, "-o"), ("eval", "--json"))


def said_of(cache_dir: Path, *words: str, **settings: str) -> str:
    done = run_command(*words, cache_dir=str(cache_dir), **settings)
    assert done.returncode == 2, done.stderr
    # Beside bars of progress.
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("words", WRITERS, ids=["predict", "effect", "eval"])
def test_outputs_that_cannot_be_written(
    cache_dir: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "folder.png").mkdir()
    for name, reason in (
        ("none/a.png", "No such file or directory"),
        ("folder.png", "Is a directory"),
        (LONG, "File name too long"),
    ):
        output = tmp_path / name
        assert said_of(cache_dir, *words, str(output)) == f"{output}: {reason}"


@pytest.mark.parametrize("words", [("predict",), ("effect", "relief"), ()])
def test_photos_that_cannot_be_read(
    cache_dir: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    for name, reason in (("none.png", "o such file"), (LONG, "File name too long")):
        photo = str(tmp_path / name)
        assert said_of(cache_dir, *words, photo).startswith(f"{photo}: ")
        assert reason in said_of(cache_dir, *words, photo)


@pytest.mark.parametrize("words", [("predict", "-o"), ("effect", "relief", "-o"), ("bulk",)])
def test_a_file_is_no_folder_for_outputs(
    cache_dir: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    photos, file = tmp_path / "photos", tmp_path / "file"
    photos.mkdir()
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    file.write_text("mine")
    command = [word for word in words if word != "-o"]
    option = ["-o"] if "-o" in words else []
    said = said_of(cache_dir, *command, str(photos), *option, str(file))
    assert said == f"{file}: there is a file of that name, not a folder."
    assert file.read_text() == "mine"


def test_a_name_too_long_for_its_output_is_one_photo_that_failed(
    cache_dir: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("cup.png", f"{'x' * 250}.png"):
        (photos / name).write_bytes(photo_bytes("coffee.png"))
    for words in (("predict",), ("effect", "relief", "--max-side=128", "--workers=1")):
        outputs = tmp_path / words[0]
        done = run_service(*words, str(photos), "-o", str(outputs), cache_dir=str(cache_dir))
        assert done.returncode == 1, done.stderr
        assert "1 done" in done.stdout and "1 failed" in done.stdout
        assert "File name too long" in done.stderr and "Traceback" not in done.stderr


def test_names_that_are_no_text(cache_dir: Path, tmp_path: Path) -> None:
    photo = tmp_path / os.fsdecode(b"caf\xe9.png")
    photo.write_bytes(photo_bytes("coffee.png"))
    done = run_service("predict", str(photo), cache_dir=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}/caf\\udce9.png.png: heatmap")
    assert photo.with_name(f"{photo.name}.png").exists()


LIST = (sys.executable, "-m", "service", "models", "list")


def ended(command: Sequence[str], stdout: int | IO[str] | None = None) -> tuple[int, bytes]:
    """The status of a command, and what it complains of."""
    done = subprocess.run(
        command, env=service_env({}), cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stderr


def test_a_reader_that_went_away_ends_a_command_without_a_word() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    assert ended(LIST, writes) == (141, b"")
    os.close(writes)


def test_a_full_disk_and_no_output_at_all() -> None:
    with Path("/dev/full").open("w") as full:
        assert ended(LIST, full) == (2, b"No space left on device\n")
    assert ended(["sh", "-c", 'exec "$@" >&-', "sh", *LIST]) == (0, b"")


def test_an_interrupt_is_one_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("service.commands.models.pull", interrupted)
    done = run_command("models", "pull", "dpt_levit_224", weights_dir=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_key_is_not_written_where_standard_error_is_closed(
    cache_dir: Path, tmp_path: Path
) -> None:
    def printed(*words: str) -> str:
        return subprocess.run(
            ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "service", *words],
            env=service_env({"cache_dir": str(cache_dir)}),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    assert re.fullmatch("camera:[0-9a-f]{64}\n", printed("keys", "new", "camera"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cup.png").write_bytes(photo_bytes("coffee.png"))
    assert "1 done" in printed("predict", str(tmp_path / "photos"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"no map"])
def test_truths_that_are_no_maps(cache_dir: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(photo_bytes("coffee.png"))
    (tmp_path / "a.npy").write_bytes(content)
    assert said_of(cache_dir, "eval", str(tmp_path)).startswith(f"{tmp_path}/a.npy: ")
    for wrong in (np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), "U3")):
        np.save(tmp_path / "a.npy", wrong)
        assert said_of(cache_dir, "eval", str(tmp_path)).startswith(f"{tmp_path}/a.npy: ")


@pytest.mark.parametrize("workers", ["0", "-1"])
@pytest.mark.parametrize("words", [("effect", "relief"), ("bulk",), ("bulk", "--video=.mp4")])
def test_fewer_workers_than_one(
    cache_dir: Path, tmp_path: Path, words: tuple[str, ...], workers: str
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_clip(photos / "a.mp4", 2)
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    outputs = ["-o", str(tmp_path / "out")] if words[0] == "effect" else [str(tmp_path / "out")]
    said = said_of(cache_dir, *words, str(photos), *outputs, f"--workers={workers}")
    assert said == "--workers must be 1 or more."
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", ["mp4", "", ".", "..", "x/y.mp4", ".zip.", "/.mp4", ".avi"])
def test_suffixes_of_many_clips(cache_dir: Path, tmp_path: Path, suffix: str) -> None:
    said = said_of(cache_dir, "bulk", str(tmp_path), f"{tmp_path}-out", f"--video={suffix}")
    assert "end its name in .mp4" in said if suffix == ".avi" else "must be a suffix" in said


def test_many_clips_have_one_size(cache_dir: Path, tmp_path: Path) -> None:
    sizes = ("--resolution=256", "--quality=fast")
    words = ("bulk", str(tmp_path), f"{tmp_path}-out")
    assert "resolution or quality, not both" in said_of(cache_dir, *words, *sizes)
    assert "resolution or quality, not both" in said_of(cache_dir, *words, "--video=.mp4", *sizes)
