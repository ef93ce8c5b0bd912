"""Clips as they come from cameras, phones and broken disks."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from service.errors import InvalidParameter
from service.video.clip import Clip, ClipFrame, Span
from tests.support.clips import panned, wipe_packet, write_clip, write_sound
from tests.support.photos import photo_bytes


def read(path: Path, span: Span | None = None, skip: int = 0) -> list[ClipFrame]:
    with Clip(path) as clip:
        return list(clip.frames(span or Span(), skip))


def milliseconds(path: Path, frames: list[ClipFrame]) -> list[int]:
    with Clip(path) as clip:
        return [round(1000 * frame.time * clip.time_base) for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "ffv1", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("ten.mp4", "libx264", "yuv420p10le"),
        ("a.avi", "mpeg4", "yuv420p"),
    ],
)
def test_pictures_come_in_their_colours_and_at_their_times(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    path = write_clip(tmp_path / name, 6, codec=codec, pixels=pixels)
    frames = read(path)
    assert milliseconds(path, frames) == [40 * number for number in range(6)]
    for frame in frames:
        assert np.abs(frame.pixels.astype(int) - panned(frame.number)).mean() < 9
        assert not frame.repeated


def test_times_of_a_variable_rate_are_kept(tmp_path: Path) -> None:
    times = [0, 13, 100, 101, 400, 440]
    path = write_clip(tmp_path / "a.mkv", 6, times=times)
    assert milliseconds(path, read(path)) == times


@pytest.mark.parametrize(("turn", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))])
def test_a_phone_that_was_turned_gives_upright_pictures(
    tmp_path: Path, turn: int, corner: tuple[int, int]
) -> None:
    def marked(number: int) -> np.ndarray:
        picture = np.zeros((90, 160, 3), np.uint8)
        picture[:30, :30] = 255
        return picture

    (frame, *_) = read(write_clip(tmp_path / "a.mp4", 2, marked, rotation=turn))
    assert frame.pixels.shape == ((160, 90, 3) if turn != 180 else (90, 160, 3))
    # A turn to the left brings the upper left corner down.
    assert frame.pixels[corner].min() > 200
    assert (frame.pixels > 128).mean() < 0.1


@pytest.mark.parametrize(("ratio", "width"), [("16/11", 233), ("1/2", 80)])
def test_pixels_that_are_not_square_are_shown_as_players_do(
    tmp_path: Path, ratio: str, width: int
) -> None:
    path = write_clip(tmp_path / "a.mkv", 2, ratio=Fraction(ratio))
    assert {frame.pixels.shape for frame in read(path)} == {(90, width, 3)}


def test_a_part_and_fewer_frames_a_second(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 25)
    some = read(path, Span(start=0.2, end=0.6))
    assert milliseconds(path, some) == list(range(200, 600, 40))
    thinned = read(path, Span(fps=5))
    assert milliseconds(path, thinned) == [0, 200, 400, 600, 800]
    assert [frame.number for frame in read(path, Span(fps=5), skip=3)] == [3, 4]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mkv", "libx264", {"bf": "0"}), ("b.mp4", "libx264", {"g": "1"}), ("a.avi", "mpeg4", {})],
)
def test_damaged_frames_repeat_the_one_before_and_are_told(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_clip(tmp_path / name, 12, codec=codec, options=options)
    wipe_packet(path, 5)
    frames = read(path)
    assert milliseconds(path, frames) == [40 * number for number in range(12)]
    assert [frame.number for frame in frames if frame.repeated] == [5]
    assert np.array_equal(frames[5].pixels, frames[4].pixels)


def test_a_cut_end_ends_the_clip_early(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 12, codec="ffv1")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert 3 <= len(read(path)) <= 8


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    clip = write_clip(folder / "good.mp4", 2).read_bytes()
    files = {
        "text.mp4": (b"hello" * 100, "not a video"),
        "empty.mp4": (b"", "not a video"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n", "not a video"),
        "photo.mp4": (photo_bytes("coffee.png"), "a still picture (PNG)"),
        "locked.mp4": (clip.replace(b"avc1", b"encv"), "encrypted"),
        "cut.mp4": (clip[: len(clip) // 2], "index is missing"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    paths = {name: (folder / name, reason) for name, (_, reason) in files.items()}
    os.mkfifo(folder / "pipe.mp4")
    return paths | {
        "missing": (folder / "missing.mp4", "No such file"),
        "folder": (folder, "a folder"),
        "pipe": (folder / "pipe.mp4", "may have no end"),
        "sound.m4a": (write_sound(folder / "sound.m4a", "aac"), "only sound"),
        "sound.wav": (write_sound(folder / "sound.wav", "pcm_s16le"), "only sound"),
        "hdr": (write_clip(folder / "hdr.mp4", 2, transfer=16, pixels="yuv420p10le"), "HDR (PQ)"),
        "hlg": (write_clip(folder / "hlg.mp4", 2, transfer=18, pixels="yuv420p10le"), "HDR (HLG)"),
        "wide": (write_clip(folder / "wide.mkv", 1, wide, ratio=Fraction(50)), "204800x90"),
        "cover.mp3": (write_sound(folder / "cover.mp3", "mp3", cover=panned(0)), "only sound"),
        "8k": (write_clip(folder / "8k.mkv", 1, large, codec="ffv1"), "7680x4320"),
    }


def wide(number: int) -> np.ndarray:
    return np.zeros((90, 4096, 3), np.uint8)


def large(number: int) -> np.ndarray:
    return np.zeros((4320, 7680, 3), np.uint8)


def test_what_is_no_clip_is_called_by_its_name(tmp_path: Path) -> None:
    for name, (path, reason) in bad_files(tmp_path).items():
        with pytest.raises(InvalidParameter) as refusal:
            read(path)
        assert reason in refusal.value.detail, name
        assert "\n" not in refusal.value.detail
