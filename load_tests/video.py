"""Video: how steady depth is beside each frame by itself, how fast a clip is made, what it takes.

    python -m load_tests.video                      # steadiness
    python -m load_tests.video --speed [--minutes 1]
    python -m load_tests.video --picture            # docs/images/video.webp

Steadiness is of the embedded network on a made-up scene with exact depth (a still camera and a
thing that crosses; then a camera that moves, too) and on a panned photo, where flicker is told
after the pan is undone. Speed is of a clip of 640x360 at 30 frames per second, and memory over it.
Both are written to results/video_*.json.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from load_tests.machine import write_result
from service.evaluation.steadiness import flicker, lag
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import transform_for_network
from service.imaging.render import nearness
from service.imaging.steady_depth import SteadyDepth
from service.imaging.transforms import Rgb, shrink, to_pixels
from service.machine.memory import resident_bytes
from service.models.choice import NetworkChoice
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from service.video.order import Look, VideoOrder
from service.video.run import Watch, make_video
from tests.support.photos import photo_pixels

Plane = NDArray[np.float32]
Still = NDArray[np.bool_]

_PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")
_SIZE = (180, 320)
_FRAMES = 24
_STEP = 4
_STILL, _MOVED = 1e-4, 0.02
_PICTURE = Path(__file__).parent.parent / "docs" / "images" / "video.webp"
_PICTURE_SIZE, _PICTURE_FRAMES, _PICTURE_RATE = (318, 212), 40, 10


@dataclass(frozen=True)
class Depths:
    """A clip's depth by the network, ``shown`` pictures, and the exact inverse depth."""

    depths: list[DepthMap]
    shown: list[Rgb]
    exact: list[Plane]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--picture", action="store_true")
    parser.add_argument("--minutes", type=float, default=1)
    arguments = parser.parse_args()
    network = OfflineNetwork(NetworkChoice("depth_lite_256"), Settings())
    if arguments.picture:
        draw_picture(network)
    elif arguments.speed:
        write_result("video_speed", speed(network, arguments.minutes))
    else:
        write_result("video_steadiness", steadiness(network))


def steadiness(network: OfflineNetwork) -> dict[str, Any]:
    """Flicker in percent of the range and lag in frames, of each way to show a clip."""
    figures = {
        "still camera": of_scene(network, camera=0.0),
        "moving camera": of_scene(network, camera=0.01),
        "panned photo": of_pan(network),
    }
    for clip, ways in figures.items():
        print(clip)
        for way, (flickers, behind) in ways.items():
            late = "" if behind is None else f", {behind:.1f} frames late"
            print(f"  {way:24} {flickers:5.2f}% flicker{late}")
    return figures


def of_scene(network: OfflineNetwork, camera: float) -> dict[str, tuple[float, float | None]]:
    """A made-up scene: flicker of what exactly stands still, lag of what moves."""
    # It brings torch, whose memory is not the command's.
    from training.scenes import make_clip

    photos = [photo_pixels(name) for name in _PHOTOS]
    random = np.random.default_rng(4)
    scenes = make_clip(photos, random, _SIZE, _FRAMES, (camera, 0.05))
    clip = _depths(network, ((scene.photo, scene.inverse_depth) for scene in scenes))
    spans = [np.ptp(exact) for exact in clip.exact]
    changes = [
        np.abs(after - before) / span
        for (before, after), span in zip(itertools.pairwise(clip.exact), spans[1:], strict=True)
    ]
    # A camera that moves leaves little that does not: what changes least stands for it.
    bound = _STILL if camera == 0 else max(_STILL, float(np.percentile(changes, 30)))
    still = [change <= bound for change in changes]
    moving = [np.zeros_like(still[0]), *(change > _MOVED for change in changes)]
    ways = _ways(clip)
    reference = ways["one scale, undamped"]
    return {
        way: (
            100 * flicker(frames, still),
            None if way == "each frame by itself" else lag(frames, reference, moving),
        )
        for way, frames in ways.items()
    }


def of_pan(network: OfflineNetwork) -> dict[str, tuple[float, float | None]]:
    """A photo panned over: what both of two frames see should not change."""
    photo = photo_pixels("chelsea.png")
    height, width = photo.shape[0], photo.shape[1] // 2
    views = (photo[:, left : left + width] for left in range(0, photo.shape[1] - width, _STEP))
    blank = np.zeros((height, width), np.float32)
    clip = _depths(network, ((np.ascontiguousarray(view), blank) for view in views))
    figures: dict[str, tuple[float, float | None]] = {}
    for way, frames in _ways(clip).items():
        large = [cv2.resize(frame, (width, height)) for frame in frames]
        changes = [
            float(np.abs(after[:, :-_STEP] - before[:, _STEP:]).mean())
            for before, after in itertools.pairwise(large)
        ]
        figures[way] = (100 * float(np.mean(changes)), None)
    return figures


def _ways(clip: Depths) -> dict[str, list[Plane]]:
    """Nearness of each frame, by each way to make it."""
    undamped, damped = SteadyDepth(pace=1), SteadyDepth()
    pairs = list(zip(clip.depths, clip.shown, strict=True))
    return {
        "each frame by itself": [nearness(depth) for depth in clip.depths],
        "one scale, undamped": [undamped.follow(*pair).nearness for pair in pairs],
        "steady": [damped.follow(*pair).nearness for pair in pairs],
    }


def _depths(network: OfflineNetwork, frames: Iterator[tuple[Rgb, Plane]]) -> Depths:
    rule = network.spec.input_rule
    clip = Depths([], [], [])
    for picture, exact in frames:
        height, width = picture.shape[:2]
        tensor = transform_for_network(Photo(picture, width, height), rule).tensor
        depth = network.infer(tensor)
        clip.depths.append(depth)
        clip.shown.append(to_pixels(tensor, rule))
        small = cv2.resize(exact, (depth.width, depth.height), interpolation=cv2.INTER_AREA)
        clip.exact.append(np.asarray(small, np.float32))
    return clip


def speed(network: OfflineNetwork, minutes: float) -> dict[str, Any]:
    """Frames per second of a heatmap as MP4, and the memory after a tenth and at the end."""
    count = round(minutes * 60 * 30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_clip(folder / "clip.mp4", count)
        memory: list[int] = []
        done = itertools.count(1)

        def look(frames: int) -> None:
            if frames and next(done) % max(1, count // 10) == 0:
                memory.append(resident_bytes())

        started = time.perf_counter()
        watch = Watch(frame=look)
        make_video(
            folder / "clip.mp4", folder / "out.mp4", VideoOrder(), lambda: network, False, watch
        )
        took = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"640x360, {count} frames: {count / took:.1f} frames per second")
    print(f"resident: {memory[0] / 1e6:.0f} MB after a tenth, {memory[-1] / 1e6:.0f} MB at the end")
    return {
        "frames": count,
        "frames_per_second": round(count / took, 1),
        "resident_mb": [round(bytes_ / 1e6) for bytes_ in memory],
        "peak_mb": round(used),
    }


def draw_picture(network: OfflineNetwork) -> None:
    """The README's animation: a clip beside its depth, made by the command's own code."""
    photo = photo_pixels("coffee.png")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with av.open(str(folder / "clip.mkv"), "w") as container:
            stream: Any = container.add_stream("ffv1", rate=_PICTURE_RATE)
            stream.width, stream.height = _PICTURE_SIZE
            stream.pix_fmt = "yuv444p"
            for number in range(_PICTURE_FRAMES):
                # There and back, nearer in the middle.
                turn = (1 - np.cos(2 * np.pi * number / _PICTURE_FRAMES)) / 2
                width = round(600 - 200 * turn)
                height, left = width * 2 // 3, round((600 - width) * turn)
                view = shrink(
                    np.ascontiguousarray(photo[:height, left : left + width]), _PICTURE_SIZE
                )
                container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24")))
            container.mux(stream.encode())
        order = VideoOrder(Look.SIDE_BY_SIDE)
        make_video(folder / "clip.mkv", folder / "frames", order, lambda: network)
        first, *others = (Image.open(file) for file in sorted((folder / "frames").iterdir()))
        first.save(
            _PICTURE,
            save_all=True,
            append_images=others,
            duration=1000 // _PICTURE_RATE,
            loop=0,
            quality=60,
            method=6,
        )
    print(f"{_PICTURE}: {_PICTURE.stat().st_size / 1e3:.0f} kB")


def _write_clip(path: Path, count: int) -> None:
    photo = shrink(photo_pixels("rocket.jpg"), (1280, 854))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(count):
            left = abs(number % 1200 - 600)
            view = np.ascontiguousarray(photo[200:560, left : left + 640])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
