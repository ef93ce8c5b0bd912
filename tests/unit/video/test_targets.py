"""Where the output goes: what has its name already, and what only looks odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest import MonkeyPatch

from service.errors import InvalidParameter
from service.pipeline.offline import OfflineNetwork
from service.video.order import Look, VideoOrder
from service.video.run import Watch, make_video
from tests.support.clips import Picture, panned, write_clip
from tests.unit.video.conftest import FRAMES, Make, stopped_after


def test_a_folder_of_frames_is_taken_up_where_it_was_stopped(make: Make, tmp_path: Path) -> None:
    output = tmp_path / "frames"
    assert not make(output, watch=stopped_after(6)).is_whole
    partial = sorted(path.name for path in output.iterdir())
    assert partial == [f"{number:06}.png" for number in range(6)]
    with pytest.raises(InvalidParameter, match="with files in it"):
        make(output)
    (output / "notes.txt").touch()
    with pytest.raises(InvalidParameter, match="with files in it"):
        make(output, resume=True)
    assert sorted(path.name for path in output.iterdir()) == [*partial, "notes.txt"]
    (output / "notes.txt").unlink()
    assert make(output, resume=True).is_whole
    make(tmp_path / "whole")
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert {path.name: path.read_bytes() for path in output.iterdir()} == whole
    assert len(whole) == FRAMES


def test_what_comes_into_the_folder_meanwhile_stays(make: Make, tmp_path: Path) -> None:
    output = tmp_path / "frames"

    def interfere(frames: int) -> None:
        output.mkdir(exist_ok=True)
        (output / "notes.txt").write_text("mine")

    with pytest.raises(InvalidParameter, match="with files in it"):
        make(output, watch=Watch(frame=interfere))
    assert [path.name for path in output.iterdir()] == ["notes.txt"]


def test_frames_are_copied_where_there_are_no_links(
    make: Make, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    def refused(*names: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refused)
    make(tmp_path / "frames")
    assert len(list((tmp_path / "frames").iterdir())) == FRAMES


def test_a_name_that_is_taken_is_told_before_any_work(clip: Path, tmp_path: Path) -> None:
    def never() -> OfflineNetwork:
        raise AssertionError("nothing is loaded for it")

    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "away")
    for folder in ("a.mp4", "a.zip", "away"):
        (tmp_path / folder).mkdir()
    before = set(tmp_path.iterdir())
    for name, reason in (
        ("a.mp4", "a folder of that name"),
        ("a.zip", "a folder of that name"),
        ("file", "a file of that name"),
        ("link", "a file of that name"),
        (".", "no name for an output"),
        ("..", "no name for an output"),
    ):
        output = Path(name) if name.startswith(".") else tmp_path / name
        for resume in (False, None, True):
            with pytest.raises(InvalidParameter, match=reason):
                make_video(clip, output, VideoOrder(), never, resume)
    assert set(tmp_path.iterdir()) == before


def test_names_that_look_like_an_address(
    make: Make, tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("12:30.mp4", "http:a.mkv", "pipe:1", "a,b.zip"):
        make(Path(name))
        assert (tmp_path / name).exists()


def of_size(width: int, height: int) -> Callable[[int], Picture]:
    return lambda number: panned(number, width, height)


@pytest.mark.parametrize("look", Look)
@pytest.mark.parametrize(("width", "height"), [(40, 1), (2, 40)])
def test_narrow_clips_become_films_or_are_refused_in_words(
    network: OfflineNetwork, tmp_path: Path, look: Look, width: int, height: int
) -> None:
    clip = write_clip(
        tmp_path / "narrow.mkv", 2, of_size(width, height), codec="ffv1", pixels="bgr0"
    )
    output, order = tmp_path / "out.mkv", VideoOrder(look)
    if min(width, height) < 2:
        with pytest.raises(InvalidParameter, match=f"would be {width}x1|would be {2 * width}x1"):
            make_video(clip, output, order, lambda: network)
        assert list(tmp_path.iterdir()) == [clip]
    else:
        assert make_video(clip, output, order, lambda: network).frames == 2
