"""Clips through every output: right size, duration, colour and sound, and the same when resumed."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pytest import MonkeyPatch

from service.errors import InvalidParameter
from service.geometry.metres import MetresOptions
from service.imaging.depth_description import read_description
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.clip import Span
from service.video.order import FrameFormat, Look, Scale, VideoOrder
from service.video.run import make_video
from tests.support.clips import panned, write_clip
from tests.support.server import ROOT, service_env
from tests.unit.video.conftest import FRAMES, Make, stopped_after


@pytest.mark.parametrize(
    ("name", "look", "size"),
    [
        ("a.mp4", Look.HEATMAP, (160, 90)),
        ("a.webm", Look.GREY, (160, 90)),
        ("a.mkv", Look.SIDE_BY_SIDE, (320, 90)),
        ("a.mov", Look.PORTRAIT, (160, 90)),
        ("b.mkv", Look.DEPTH, (160, 90)),
    ],
)
def test_a_look_is_a_video_of_the_same_length_with_sound(
    make: Make, tmp_path: Path, name: str, look: Look, size: tuple[int, int]
) -> None:
    summary = make(tmp_path / name, VideoOrder(look))
    assert (summary.frames, summary.repeated, summary.is_whole) == (FRAMES, 0, True)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with av.open(str(tmp_path / name)) as container:
        stream, heard = container.streams.video[0], container.streams.audio[0]
        assert heard.codec_context.name == ("opus" if name == "a.webm" else "aac")
        assert (container.duration or 0) / 1e6 == pytest.approx(0.4, abs=0.05)
        frames = list(container.decode(stream))
        assert [round(1000 * (frame.time or 0)) for frame in frames] == [40 * n for n in range(10)]
        assert (frames[0].width, frames[0].height) == size
        if look is not Look.DEPTH:
            assert (frames[0].colorspace, frames[0].color_range) == (1, 1)
        container.seek(0)
        assert sum(frame.samples for frame in container.decode(heard)) == pytest.approx(
            0.4 * 48000, abs=2100
        )


def test_heatmaps_have_their_colours(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "a.mp4", VideoOrder(Look.SIDE_BY_SIDE, sound=False))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    original, heat = frame[:, :160], frame[:, 160:]
    # Inferno: black far, and what is bright is yellow.
    brightest = heat.reshape(-1, 3)[heat.sum(2).argmax()]
    assert heat.sum(2).min() < 40
    assert brightest[0] > 220 > brightest[2]
    assert original.std() > 20


def test_stereo_has_both_eyes(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "a.mp4", VideoOrder(Look.STEREO, sound=False))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    # Red is the left eye's, cyan the right eye's.
    assert np.abs(frame[..., 0] - frame[..., 2]).max() > 60


def test_numbers_of_a_sequence_mean_the_same_in_every_frame(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "npy", VideoOrder(Look.DEPTH, frames=FrameFormat.NPY))
    make(tmp_path / "png.zip", VideoOrder(Look.DEPTH))
    names = [f"{number:06}" for number in range(FRAMES)]
    assert sorted(path.stem for path in (tmp_path / "npy").iterdir()) == names
    descriptions = []
    with zipfile.ZipFile(tmp_path / "png.zip") as archive:
        assert sorted(archive.namelist()) == [f"{name}.png" for name in names]
        for name in names:
            data = archive.read(f"{name}.png")
            description = read_description(data)
            assert description is not None
            descriptions.append(description)
            values = description.values(np.asarray(Image.open(io.BytesIO(data)), np.uint16))
            floats = np.load(tmp_path / "npy" / f"{name}.npy")
            assert floats.shape == (90, 160)
            assert np.abs(values - floats.clip(-0.25, 1.25)).max() < 1e-4
    assert len(set(descriptions)) == 1


def test_points_in_the_first_frame_give_metres_until_a_cut(
    network: OfflineNetwork, tmp_path: Path
) -> None:
    def picture(number: int) -> np.ndarray:
        return panned(number) if number < 5 else 255 - panned(number)

    clip = write_clip(tmp_path / "clip.mkv", 8, picture, codec="ffv1")
    order = VideoOrder(
        Look.DEPTH,
        frames=FrameFormat.NPY,
        metres=MetresOptions(((0.5, 0.95, 0.5), (0.5, 0.05, 2.0))),
    )
    summary = make_video(clip, tmp_path / "out", order, lambda: network)
    frames = [np.load(tmp_path / "out" / f"{number:06}.npy") for number in range(8)]
    assert frames[0][85, 80] == pytest.approx(0.5, rel=0.3)
    assert np.median(frames[4]) == pytest.approx(np.median(frames[0]), rel=0.2)
    assert summary.lost_metres
    assert np.isnan(frames[5]).all()


@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize(("name", "look"), [("a.mp4", Look.PORTRAIT), ("a.zip", Look.DEPTH)])
def test_a_stopped_run_leaves_what_is_done_and_resumes_to_the_same_file(
    make: Make, tmp_path: Path, scale: Scale, name: str, look: Look
) -> None:
    order = VideoOrder(look, scale=scale)
    make(tmp_path / f"whole-{name}", order)
    output = tmp_path / name
    begun = FRAMES if scale is Scale.GLOBAL else 0
    summary = make(output, order, watch=stopped_after(begun + 6))
    assert (summary.frames, summary.is_whole) == (6, False)
    if name == "a.mp4":
        with av.open(str(output)) as container:
            assert len(list(container.decode(video=0))) == 6
    with pytest.raises(InvalidParameter, match="another look"):
        make(output, VideoOrder(Look.HEATMAP, scale=scale), resume=True)
    again = make(output, order, resume=True)
    assert (again.frames, again.is_whole) == (FRAMES, True)
    assert again.seconds == pytest.approx(0.4)
    if name == "a.mp4":
        assert output.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
    else:
        ours, theirs = (zipfile.ZipFile(path) for path in (output, tmp_path / f"whole-{name}"))
        assert ours.namelist() == theirs.namelist()
        assert all(ours.read(each) == theirs.read(each) for each in ours.namelist())
    assert {path.name for path in tmp_path.iterdir()} == {name, f"whole-{name}"}


@pytest.mark.parametrize("field", ["weights_sha256", "engine", "precision"])
def test_other_weights_or_another_engine_do_not_go_on(
    make: Make, network: OfflineNetwork, tmp_path: Path, monkeypatch: MonkeyPatch, field: str
) -> None:
    """Half of the clip would be another network's."""
    make(tmp_path / "a.mp4", watch=stopped_after(6))
    others = network.labels._replace(**{field: "another"})
    monkeypatch.setattr(OfflineNetwork, "labels", property(lambda network: others))
    with pytest.raises(InvalidParameter, match=f"another {field.removesuffix('_sha256')};"):
        make(tmp_path / "a.mp4", resume=True)
    assert make(tmp_path / "a.mp4", resume=None).frames == FRAMES


KILLED = """
import os, sys
from pathlib import Path
from service.models.choice import NetworkChoice
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.order import VideoOrder
from service.video.run import Watch, make_video

clip, output, cache = map(Path, sys.argv[1:])
network = OfflineNetwork(NetworkChoice("depth_lite_256"), Settings(cache_dir=cache))
count = 0
def frame(frames):
    global count
    count += frames
    if count == 7:
        os._exit(9)
order = VideoOrder(frames_a_part=4)
make_video(clip, output, order, lambda: network, watch=Watch(frame=frame))
"""


def test_a_killed_run_resumes_to_the_same_file(
    make: Make, clip: Path, settings: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "a.mp4"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(clip), str(output), str(settings.cache_dir)],
        env=service_env({}),
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == 9
    assert not output.exists()
    # One part of four frames is there; what was begun of the next is made again.
    assert make(output, resume=True).frames == FRAMES
    make(tmp_path / "whole.mp4")
    assert output.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_run_stopped_while_it_looks_for_the_scale_can_be_taken_up(
    make: Make, tmp_path: Path
) -> None:
    order = VideoOrder(scale=Scale.GLOBAL)
    summary = make(tmp_path / "a.mp4", order, watch=stopped_after(3))
    assert (summary.frames, summary.is_whole) == (0, False)
    assert not (tmp_path / "a.mp4").exists()
    assert make(tmp_path / "a.mp4", order, resume=True).frames == FRAMES


def test_what_cannot_be_made_is_told_and_leaves_nothing(
    make: Make, network: OfflineNetwork, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    for name, look, reason in (
        ("a.mp4", Look.DEPTH, "no place for 16 bits"),
        ("a.avi", Look.HEATMAP, "end its name in .mp4"),
        ("full", Look.DEPTH, "with files in it"),
    ):
        with pytest.raises(InvalidParameter, match=reason):
            make(tmp_path / name, VideoOrder(look))
    with pytest.raises(InvalidParameter, match="no interrupted run"):
        make(tmp_path / "a.mp4", resume=True)
    with pytest.raises(InvalidParameter, match="no frame of it"):
        make(tmp_path / "a.mp4", VideoOrder(span=Span(start=5)))
    hdr = write_clip(tmp_path / "hdr.mkv", 2, transfer=16, pixels="yuv420p10le")
    with pytest.raises(InvalidParameter, match="HDR"):
        make_video(hdr, tmp_path / "a.mp4", VideoOrder(), lambda: network)
    assert {path.name for path in tmp_path.iterdir()} == {"full", "hdr.mkv"}


def test_few_frames_a_minute(network: OfflineNetwork, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", 4, times=[0, 60_000, 120_000, 180_000], codec="ffv1")
    for fps, frames in ((1 / 60, 4), (0.01, 2), (0.001, 1)):
        order = VideoOrder(span=Span(fps=fps))
        assert make_video(clip, tmp_path / "a.mp4", order, lambda: network).frames == frames


@pytest.mark.parametrize(
    "times",
    [
        [0, 13, 100, 101, 400],
        # A browser's recording of a slow page; FFmpeg knows no order of coding here.
        [0, 147, 808, 1026, 1175, 1704, 1971],
        [0],
    ],
)
def test_odd_sizes_and_other_times(
    network: OfflineNetwork, tmp_path: Path, times: list[int]
) -> None:
    def odd(number: int) -> np.ndarray:
        return panned(number, 161, 91)

    count = len(times)
    clip = write_clip(tmp_path / "clip.mkv", count, odd, times, codec="ffv1", pixels="yuv444p")
    for name, look, size in (("a.mp4", Look.GREY, (160, 90)), ("b.mkv", Look.DEPTH, (161, 91))):
        make_video(clip, tmp_path / name, VideoOrder(look), lambda: network)
        with av.open(str(tmp_path / name)) as container:
            frames = list(container.decode(video=0))
        assert [round(1000 * (frame.time or 0)) for frame in frames] == times
        assert (frames[0].width, frames[0].height) == size
