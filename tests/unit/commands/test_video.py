"""``service video``: what it prints, and how it ends."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import av
import pytest

from service.__main__ import parse
from service.commands import video
from service.effects.stereo import StereoLayout
from service.errors import InvalidParameter
from service.imaging.render import Colormap
from service.settings import Settings
from service.video.order import FrameFormat, Look, VideoOrder
from service.video.painting import LOOKS, refuse_what_does_nothing
from tests.support.clips import write_clip


def run(settings: Settings, *arguments: str) -> int:
    given = parse(["video", *arguments])
    status: int = given.run(given, settings.model_copy(update={"model": "depth_lite_256"}))
    return status


def test_bad_input_is_one_line_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    """InvalidParameter is status 2."""
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    hdr = write_clip(tmp_path / "hdr.mp4", 2, transfer=16, pixels="yuv420p10le")
    for path, reason in ((text, "not a video"), (hdr, "in HDR"), (tmp_path / "no", "No such file")):
        with pytest.raises(InvalidParameter, match=reason):
            run(settings, str(path), "-o", str(tmp_path / "out.mp4"))
    assert set(tmp_path.iterdir()) == {text, hdr}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--start", "-1"), "--start must be 0 or more"),
        (("--start", "3", "--end", "2"), "--end must be after --start"),
        (("--start", "inf"), "--start must be 0 or more"),
        (("--fps", "0"), "--fps must be from 0.001 to 1000"),
        (("--fps", "0.00099"), "--fps must be from 0.001 to 1000"),
        (("--fps", "1001"), "--fps must be from 0.001 to 1000"),
        (("--anchors", "0.5"), "--anchors must be x,y,metres"),
        (("--resolution", "4000"), "resolution: depth_lite_256 takes"),
        (("--start", "60"), "no frame of it from 60 s on can be decoded"),
        (("--start", "60", "--end", "61"), "no frame of it from 60 s on to 61 s can"),
        (("--layout", "sbs"), "layout does nothing for heatmap, only for stereo"),
        (("--frames", "npy"), "frames does nothing for heatmap, only for depth"),
        (
            ("--look", "grey", "--colormap", "magma"),
            "colormap does nothing for grey, only for heat",
        ),
    ],
)
def test_wrong_options_are_told(
    settings: Settings, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    with pytest.raises(InvalidParameter, match=reason):
        run(settings, str(clip), "-o", str(tmp_path / "out.mp4"), *options)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("frames", ["npy", "exr"])
def test_a_format_of_files_goes_into_no_film(
    settings: Settings, tmp_path: Path, frames: str
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    with pytest.raises(InvalidParameter, match=f"{frames} goes into a folder or .zip"):
        run(
            settings,
            str(clip),
            "-o",
            str(tmp_path / "o.mkv"),
            "--look",
            "depth",
            "--frames",
            frames,
        )


@pytest.mark.parametrize("look", list(Look))
def test_an_option_does_something_or_is_refused(look: Look) -> None:
    """Any look beside any option of looks: each is one look's, or several', and no other's."""
    orders = {
        "colormap": VideoOrder(look, colormap=Colormap.GRAY),
        "layout": VideoOrder(look, layout=StereoLayout.SBS),
        "frames": VideoOrder(look, frames=FrameFormat.NPY),
    }
    taken = set()
    for option, order in orders.items():
        with contextlib.suppress(InvalidParameter):
            refuse_what_does_nothing(order)
            taken.add(option)
    assert taken == {LOOKS[look].option} - {None}


def test_files_of_frames_hold_no_sound_to_leave_out(settings: Settings, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    for output in ("frames", "frames.zip"):
        with pytest.raises(InvalidParameter, match=f"{output} holds no sound"):
            run(settings, str(clip), "-o", str(tmp_path / output), "--silent")


def test_outputs_that_cannot_be_written_are_told(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    assert run(settings, str(clip), "-o", str(tmp_path / "no" / "out.mp4")) == 2
    assert "no folder to put it in" in capsys.readouterr().err
    with pytest.raises(InvalidParameter, match="that is what is read"):
        run(settings, str(clip), "-o", str(clip))
    with pytest.raises(InvalidParameter, match="No such file"):
        run(settings, str(tmp_path / "missing.mp4"), "-o", str(clip))


def test_an_interrupt_leaves_a_playable_file_and_resume_makes_the_whole(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip, output = write_clip(tmp_path / "clip.mp4", 12, sound="aac"), tmp_path / "out.mp4"
    count = video._Bar.frame

    def interrupted_at_the_fifth(bar: video._Bar, frames: int) -> None:
        count(bar, frames)
        if bar._bar.n == 5:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(video._Bar, "frame", interrupted_at_the_fifth)
        assert run(settings, str(clip), "-o", str(output)) == 130
    assert "--resume goes on from here (5 frames" in capsys.readouterr().err
    with av.open(str(output)) as container:
        assert len(list(container.decode(video=0))) == 5
    assert run(settings, str(clip), "-o", str(output), "--resume") == 0
    said = capsys.readouterr()
    assert "out.mp4: 12 frames, 0.5 s" in said.out
    assert "frame/s" in said.err
    with av.open(str(output)) as container:
        assert len(list(container.decode(video=0))) == 12
