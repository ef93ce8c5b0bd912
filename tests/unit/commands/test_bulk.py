"""``bulk`` takes photos or clips, and no option that would do nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from service.__main__ import main
from service.commands.options import flag
from service.commands.predict import add_depth_arguments
from service.commands.video import add_look_arguments

CLIPS = ("--video", ".mp4")
OF_PHOTOS = (
    *("--format=npy", "--calibration=0.2,1.8", "--near=1", "--far=9", "--detail=high"),
    *("--fov=60", "--intrinsics=9,9,4,4", "--normalize=percentile", "--low=1", "--high=99"),
    *("--invert", "--no-palette", "--size=network", "--encoding=base64", "--measuring-error=0.1"),
)
OF_CLIPS = (
    *("--look=grey", "--layout=sbs", "--frames=npy", "--fps=5", "--start=1", "--end=2"),
    *("--scale=global", "--silent"),
)
OF_BOTH = (
    *("--model=nowhere", "--resolution=256", "--quality=fast", "--colormap=gray"),
    "--anchors=0.5,0.9,0.6;0.5,0.1,3",
)


def test_every_option_is_here() -> None:
    """A new one belongs to photos, to clips or to both."""
    parser = argparse.ArgumentParser()
    add_depth_arguments(parser, "")
    add_look_arguments(parser)
    named = {one.partition("=")[0].replace("--no-", "--") for one in OF_PHOTOS + OF_CLIPS + OF_BOTH}
    assert named == {flag(name) for name in vars(parser.parse_args([]))}


def said_of(
    capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str
) -> tuple[int | str | None, str]:
    """The exit status of the command, and what it said."""
    (folder / "photos").mkdir(exist_ok=True)
    status = main(["bulk", str(folder / "photos"), str(folder / "outputs"), *arguments])
    return status, capsys.readouterr().err


@pytest.mark.parametrize("option", OF_PHOTOS)
def test_clips_take_no_option_of_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    name = option.partition("=")[0].replace("--no-", "--")
    expected = f"{name} is of photos, not of clips.\n"
    assert said_of(capsys, tmp_path, *CLIPS, option) == (2, expected)


@pytest.mark.parametrize("option", OF_CLIPS)
def test_photos_take_no_option_of_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    name = option.partition("=")[0]
    assert said_of(capsys, tmp_path, option) == (2, f"{name} is of clips: add --video SUFFIX.\n")


@pytest.mark.parametrize("clips", [CLIPS, ()], ids=["clips", "photos"])
@pytest.mark.parametrize("option", OF_BOTH)
def test_both_take_what_they_have_in_common(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    clips: tuple[str, ...],
    option: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / ("a.mp4" if clips else "a.jpg")).touch()
    _, said = said_of(capsys, tmp_path, *clips, option)
    # It gets past the options, as far as to what it runs on.
    assert said.startswith("This command needs Ray")


@pytest.mark.parametrize(
    ("options", "unit", "other"), [(CLIPS, "clip", "a.jpg"), ((), "photo", "a.mp4")]
)
def test_a_folder_without_any_is_told_as_by_the_other_commands(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    unit: str,
    other: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    photos = tmp_path / "photos"
    assert said_of(capsys, tmp_path, *options) == (2, f"{photos}: no {unit}s in it\n")
    (photos / other).touch()
    only = f"{photos}: no {unit}s in it, only 1 files of other types\n"
    assert said_of(capsys, tmp_path, *options) == (2, only)
    (photos / ("b.mp4" if unit == "clip" else "b.jpg")).touch()
    _, said = said_of(capsys, tmp_path, *options)
    assert said.startswith(f"{photos}: 1 of other types are left out\nThis command needs Ray")


def test_a_folder_of_outputs_is_not_named_as_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    assert main(["bulk", str(tmp_path / "photos"), str(tmp_path / "out.npy")]) == 2
    assert "the outputs go into a folder" in capsys.readouterr().err
