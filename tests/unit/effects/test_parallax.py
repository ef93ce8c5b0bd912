from __future__ import annotations

import io
import math
import sys
from itertools import pairwise
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from service.effects.animation import AnimationFormat, Frames, encode_animation
from service.effects.parallax import (
    CameraPath,
    ParallaxOptions,
    camera_path,
    encode_parallax,
    render_parallax,
)
from service.errors import InvalidParameter
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import Scene
from service.imaging import strips
from service.imaging.render import nearness
from service.imaging.transforms import Rgb
from tests.support.depths import inverse_depth, motorcycle_inverse
from tests.support.photos import photo_pixels

WIDTH, HEIGHT, SHIFT = 320, 240, 16
MOTORCYCLE = photo_pixels("motorcycle_left.png")


class TwoPlanes:
    """A disk before a wall; what a moved camera sees of them is known."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        smooth = cv2.resize(rng.integers(60, 200, (5, 7, 3)).astype(np.float32), (WIDTH, HEIGHT))
        self.wall = np.asarray(smooth, np.float32)
        fine = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH, 3)), (0, 0), 2) * 4
        self.disk = np.clip(np.array([220, 40, 30]) + fine, 0, 255).astype(np.float32)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        self.mask = (np.hypot(x - WIDTH / 2, y - HEIGHT / 2) < 60).astype(np.float32)

    def seen(self, shift: float) -> Rgb:
        """By a camera for which the disk moves by half of ``shift``, the wall the other way."""
        wall, disk, mask = (
            np.asarray(
                cv2.warpAffine(
                    plane,
                    np.array([[1, 0, by], [0, 1, 0]], np.float32),
                    (WIDTH, HEIGHT),
                    borderMode=cv2.BORDER_REPLICATE,
                )
            )
            for plane, by in (
                (self.wall, -shift / 2),
                (self.disk, shift / 2),
                (self.mask, shift / 2),
            )
        )
        share = mask[..., np.newaxis]
        return np.rint(disk * share + wall * (1 - share)).astype(np.uint8)

    @property
    def scene(self) -> Scene:
        return Scene(self.seen(0), self.mask)

    def near_edge(self) -> NDArray[np.bool_]:
        """Pixels that the moving edge of the disk sweeps over."""
        edge = cv2.morphologyEx(self.mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        return np.asarray(cv2.dilate(edge, np.ones((2 * SHIFT + 1, 2 * SHIFT + 1)))) > 0


def naive_shift(scene: Scene, shift: float) -> Rgb:
    """The demo's way: every pixel fetches its colour by its own, unmoved depth."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x = x - (scene.nearness - np.float32(0.5)) * np.float32(shift)
    return np.asarray(cv2.remap(scene.pixels, x, y, cv2.INTER_LINEAR), np.uint8)


@pytest.mark.parametrize("shift", [SHIFT, -SHIFT, 7])
def test_a_moved_view_is_far_closer_to_the_truth_than_a_naive_shift(shift: float) -> None:
    planes = TwoPlanes()
    true = planes.seen(shift).astype(int)
    view = render_view(split_layers(planes.scene, SHIFT), View(right=shift))
    error, naive = (
        np.abs(picture.astype(int) - true).mean(axis=2)[planes.near_edge()]
        for picture in (view, naive_shift(planes.scene, shift))
    )
    assert naive.mean() > 5
    assert error.mean() < naive.mean() / 5
    assert np.quantile(error, 0.99) < np.quantile(naive, 0.99) / 5


def test_what_comes_into_sight_shows_no_foreground_colours() -> None:
    planes = TwoPlanes()
    view = render_view(split_layers(planes.scene, SHIFT), View(right=SHIFT))
    disk_before, disk_after = (
        cv2.warpAffine(planes.mask, np.array([[1, 0, by], [0, 1, 0]], np.float32), (WIDTH, HEIGHT))
        for by in (-SHIFT / 2, SHIFT / 2)
    )
    uncovered = (np.asarray(disk_before) > 0) & ~(
        np.asarray(cv2.dilate(np.asarray(disk_after), np.ones((5, 5)))) > 0
    )
    assert uncovered.sum() > 500
    difference = np.abs(view[uncovered].astype(int) - planes.seen(SHIFT)[uncovered])
    assert np.quantile(difference, 0.95) < 30


def test_near_covers_far_in_every_direction() -> None:
    planes = TwoPlanes()
    layers = split_layers(planes.scene, SHIFT)
    for view in (View(right=SHIFT), View(right=-SHIFT), View(down=SHIFT), View(down=-SHIFT)):
        moved = np.array([[1, 0, view.right / 2], [0, 1, view.down / 2]], np.float32)
        mask, disk = (
            np.asarray(cv2.warpAffine(p, moved, (WIDTH, HEIGHT)))
            for p in (planes.mask, planes.disk)
        )
        inside = np.asarray(cv2.erode(mask, np.ones((7, 7)))) > 0.99
        error = np.abs(render_view(layers, view).astype(int) - disk)[inside]
        assert error.mean() < 3


def test_a_camera_that_stays_sees_the_photo() -> None:
    planes = TwoPlanes()
    view = render_view(split_layers(planes.scene, SHIFT), View())
    difference = np.abs(view.astype(int) - planes.scene.pixels).max(axis=2)
    assert (difference[~planes.near_edge()] == 0).all()
    assert difference.mean() < 1


def test_a_dolly_keeps_the_still_plane_and_leaves_no_holes_in_what_grows() -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    nearness = np.zeros((HEIGHT, WIDTH), np.float32)
    nearness[90:150, 130:190] = 1
    pixels[90:150, 130:190] = 50
    layers = split_layers(Scene(pixels, nearness), SHIFT)
    grown = render_view(layers, View(dolly=-0.3, still=1.0))
    assert (grown[94:146, 134:186] == 50).all()
    assert (grown[:80] == 200).all()
    shrunk = render_view(layers, View(dolly=-0.3, still=0.0))
    assert 30 < (shrunk[HEIGHT // 2, :, 0] < 125).sum() < 50


@pytest.mark.parametrize("view", [View(right=40, still=0.6), View(right=-9)])
def test_a_view_made_in_strips_is_the_whole_one(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(MOTORCYCLE, nearness(motorcycle_inverse()))
    layers = split_layers(scene, 24)
    whole = render_view(layers, view)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1)
    assert np.array_equal(render_view(layers, view), whole)


@pytest.mark.parametrize("path", CameraPath)
def test_every_path_ends_where_it_begins_without_a_jump(path: CameraPath) -> None:
    views = camera_path(ParallaxOptions(path=path, frames=24), 640, 480)
    steps = [
        math.hypot(b.right - a.right, b.down - a.down, 640 * (b.dolly - a.dolly))
        for a, b in pairwise([*views, views[0]])
    ]
    assert len(views) == 24
    assert max(steps) < 0.3 * sum(steps)
    assert steps[-1] <= max(steps[:-1]) * 1.001


def test_the_camera_moves_by_the_amplitude() -> None:
    views = camera_path(ParallaxOptions(amplitude=0.1, path=CameraPath.LEFT_RIGHT), 640, 480)
    assert max(view.right for view in views) == pytest.approx(32, rel=0.01)
    assert {view.down for view in views} == {0.0}


@pytest.mark.parametrize("path", CameraPath)
def test_frames_are_bounded_even_and_moving(path: CameraPath) -> None:
    options = ParallaxOptions(path=path, frames=6, max_side=200)
    frames = list(render_parallax(MOTORCYCLE, motorcycle_inverse(), options))
    assert len(frames) == 6
    (shape,) = {frame.shape for frame in frames}
    assert 190 <= shape[1] <= 200
    assert shape[0] % 2 == shape[1] % 2 == 0
    assert np.abs(frames[1].astype(int) - frames[3]).mean() > 1


def test_amplitude_0_stands_still() -> None:
    options = ParallaxOptions(amplitude=0, frames=3, max_side=128)
    first, *rest = render_parallax(MOTORCYCLE, motorcycle_inverse(), options)
    assert all(np.array_equal(first, frame) for frame in rest)


@pytest.mark.parametrize("format", [AnimationFormat.WEBP, AnimationFormat.GIF])
def test_an_animated_picture_loops_with_all_frames_and_times(format: AnimationFormat) -> None:
    options = ParallaxOptions(frames=8, seconds=0.8, max_side=160, format=format)
    data = encode_parallax(MOTORCYCLE, motorcycle_inverse(), options)
    frames = list(render_parallax(MOTORCYCLE, motorcycle_inverse(), options))
    picture = Image.open(io.BytesIO(data))
    assert picture.format == format.name
    assert getattr(picture, "n_frames") == 8  # noqa: B009
    assert picture.info["loop"] == 0
    for number in (0, 5):
        picture.seek(number)
        assert picture.size == frames[number].shape[1::-1]
        difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - frames[number])
        assert difference.mean() < 8
    assert picture.info["duration"] == 100


@pytest.mark.parametrize("format", [AnimationFormat.MP4, AnimationFormat.WEBM])
def test_a_video_has_all_frames(format: AnimationFormat) -> None:
    options = ParallaxOptions(frames=10, seconds=1, max_side=160, format=format)
    data = encode_parallax(MOTORCYCLE, motorcycle_inverse(), options)
    frames = list(render_parallax(MOTORCYCLE, motorcycle_inverse(), options))
    with av.open(io.BytesIO(data), "r") as container:
        assert container.streams.video[0].average_rate == 10
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == 10
    assert np.abs(decoded[4].astype(int) - frames[4]).mean() < 12


def test_an_mp4_begins_with_its_index_and_a_red_thing_stays_red() -> None:
    """Decoded by its own tags, as players do."""
    red = np.empty((96, 128, 3), np.uint8)
    red[:] = 200, 30, 30
    data = encode_animation(Frames(12, lambda number: red), 0.1, AnimationFormat.MP4)
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 12
    assert (frames[0].colorspace, frames[0].color_range) == (Colorspace.ITU709, ColorRange.MPEG)
    shown = frames[6].reformat(format="rgb24", src_colorspace=Colorspace.ITU709).to_ndarray()
    assert np.abs(shown.astype(int) - red).max() <= 3


@pytest.mark.parametrize(
    ("asked", "frames", "side"),
    [
        ({"format": "gif"}, 20, 320),
        ({"format": "gif", "size": 200}, 20, 200),
        ({"format": "gif", "max_side": 640, "frames": 30}, 30, 640),
        ({"format": "webp"}, 30, 640),
        ({}, 30, 640),
    ],
)
def test_a_gif_is_smaller_unless_told(asked: dict[str, Any], frames: int, side: int) -> None:
    options = ParallaxOptions(**asked)
    assert (options.frames, options.max_side) == (frames, side)


def test_a_gif_of_a_photo_takes_at_most_a_megabyte_and_a_half() -> None:
    options = ParallaxOptions(format=AnimationFormat.GIF)
    assert len(encode_parallax(MOTORCYCLE, motorcycle_inverse(), options)) < 1_500_000


def test_a_video_without_pyav_is_refused_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    frames = Frames(1, lambda number: np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(InvalidParameter, match=r"'\.\[video\]'"):
        encode_animation(frames, 0.1, AnimationFormat.MP4)


def test_media_types_are_the_registered_ones() -> None:
    assert [format.media_type for format in AnimationFormat] == [
        "image/webp",
        "image/gif",
        "video/mp4",
        "video/webm",
    ]


def test_too_many_pixels_in_all_are_refused_before_any_is_rendered() -> None:
    square = np.zeros((1280, 1280, 3), np.uint8)
    options = ParallaxOptions(frames=120, max_side=1280)
    with pytest.raises(InvalidParameter, match="from 0 to 60 million"):
        render_parallax(square, inverse_depth(np.eye(8)), options)


def test_a_photo_too_narrow_for_an_animation_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="at least 16 pixels"):
        render_parallax(MOTORCYCLE[:10], motorcycle_inverse(), ParallaxOptions())
