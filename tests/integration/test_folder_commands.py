"""Commands on a folder of photos: they go on after a bad one, and say how it went."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.commands import run_command
from tests.support.effects import post_effect
from tests.support.inputs import input_bytes
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess, run_service


def test_effect_of_a_folder_goes_on_where_it_was_and_after_a_bad_photo(
    server: ServerProcess, cache_dir: Path, tmp_path: Path
) -> None:
    photos, output = tmp_path / "photos", tmp_path / "effects"
    for name in ("done.png", "sub/cup.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(photo_bytes("coffee.png"))
    (photos / "bad.jpg").write_bytes(b"no photo")
    output.mkdir()
    (output / "done.png.relief.normals.png").write_bytes(b"of an earlier run")
    done = run_service(
        *("effect", "relief", str(photos), "-o", str(output), "--workers", "2"),
        *("--format", "normals", "--max-side", "300", "--far-ratio", "6"),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 1
    assert "bad.jpg: " in done.stderr and "Formats that are read" in done.stderr
    assert "3/3" in done.stderr  # the progress bar
    assert "1 done, 1 were done before, 1 failed (see failures.jsonl)" in done.stdout
    written = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert written == {
        "done.png.relief.normals.png",
        "sub/cup.png.relief.normals.png",
        *("failures.jsonl", ".made-by.json"),
    }
    assert (output / "done.png.relief.normals.png").read_bytes() == b"of an earlier run"
    served = post_effect(
        *(server, "relief", photo_bytes("coffee.png")), format="normals", max_side=300, far_ratio=6
    ).content
    ours = Image.open(output / "sub" / "cup.png.relief.normals.png")
    theirs = Image.open(io.BytesIO(served))
    assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs)).mean() < 1


def test_a_folder_alone_gets_a_folder_beside_it(cache_dir: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    done = run_command(f"{photos}/.", "--format", "npy", cache_dir=str(cache_dir))
    assert done.returncode == 0, done.stderr
    outputs = tmp_path / "photos-npy"
    assert done.stdout.startswith(f"{outputs}: 1 done")
    assert np.load(outputs / "cup.png.npy").shape == (400, 600)


def test_predict_takes_a_folder_and_goes_on_after_a_bad_photo(
    server: ServerProcess, cache_dir: Path, tmp_path: Path
) -> None:
    photos, output = tmp_path / "photos", tmp_path / "depth"
    (photos / "sub").mkdir(parents=True)
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    (photos / "cup.jpg").write_bytes(b"no photo")
    (photos / "tile.tif").write_bytes(input_bytes("tiff_ascii_tag.tif"))
    (photos / "x.avif").write_bytes(input_bytes("x.avif"))
    (photos / "sub" / "cat.PNG").write_bytes(photo_bytes("chelsea.png"))
    (photos / "notes.txt").write_text("no photo, and not said to be one")
    done = run_command("predict", str(photos), "-o", str(output), cache_dir=str(cache_dir))
    assert done.returncode == 1
    assert "cup.jpg: " in done.stderr
    assert "Formats that are read" in done.stderr
    assert "tile.tif: The TIFF's tag 322 is not a whole number" in done.stderr
    assert "5/5" in done.stderr  # the progress bar
    assert f"{photos}: 1 of other types are left out" in done.stderr
    assert "3 done, 0 were done before, 2 failed (see failures.jsonl)" in done.stdout
    written = {str(path.relative_to(output)) for path in output.rglob("*.png") if path.is_file()}
    assert written == {"cup.png.png", "x.avif.png", "sub/cat.PNG.png"}
    served = server.client.post("/v1/depth", files={"image": photo_bytes("chelsea.png")}).content
    ours, theirs = Image.open(output / "sub" / "cat.PNG.png"), Image.open(io.BytesIO(served))
    assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs)).max() <= 1


@pytest.mark.parametrize("command", [("predict", "-o"), ("bulk",)])
def test_outputs_within_the_photos_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The next run would take them for photos."""
    photos, link = tmp_path / "photos", tmp_path / "link"
    photos.mkdir()
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    link.symlink_to(photos)
    name, *option = command
    for output in (photos, photos / "depth", photos / "sub" / ".." / "depth", link / "depth"):
        done = run_command(name, str(photos), *option, str(output))
        assert done.returncode == 2
        assert "outside of the folder of photos" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(photos.iterdir()) == [photos / "cup.png"]


def test_predict_of_a_folder_says_how_it_went(cache_dir: Path, tmp_path: Path) -> None:
    photos, empty = tmp_path / "photos", tmp_path / "empty"
    photos.mkdir()
    empty.mkdir()
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    output = str(tmp_path / "depth")
    good = run_command(
        *("predict", str(photos), "-o", output, "--format", "npy", "--size", "network"),
        cache_dir=str(cache_dir),
    )
    assert good.returncode == 0, good.stderr
    assert np.load(tmp_path / "depth" / "cup.png.npy").ndim == 2
    for other in (("--resolution", "192"), ("--size", "original")):
        refused = run_command(
            *("predict", str(photos), "-o", output, "--format", "npy", *other),
            cache_dir=str(cache_dir),
        )
        assert refused.returncode == 2
        assert "made with other options or by another network" in refused.stderr
    nothing = run_command("predict", str(empty), "-o", output, cache_dir=str(cache_dir))
    assert nothing.returncode == 2
    assert "no photos" in nothing.stderr
