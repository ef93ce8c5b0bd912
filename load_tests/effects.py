"""Every effect and format of a real photo's depth: time without the network's, size, memory.

    python -m load_tests.effects [--rounds N]
    python -m load_tests.effects --peaks        # memory, and time, at the largest options

Needs `pip install -e '.[bench]'`, and '.[video]' for MP4 and WebM; writes results/effects.json or
results/effects_peaks.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from load_tests.encoders import sample_depth
from load_tests.machine import write_result
from load_tests.timing import medians
from service.effects.animation import AnimationFormat
from service.effects.catalog import EFFECTS
from service.effects.obstacle import ObstacleOptions, detect_obstacles, draw_danger_zone
from service.effects.parallax import ParallaxOptions, encode_parallax
from service.effects.pointcloud import encode_glb, encode_ply
from service.effects.portrait import PortraitOptions, blur_background
from service.effects.relief import ReliefOptions, height_map, shaded_relief
from service.effects.stereo import StereoOptions, stereo_picture
from service.geometry.camera import CameraOptions
from service.geometry.mesh import MeshOptions
from service.geometry.metres import Metres
from service.imaging.decode import decode_photo
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, encode
from service.imaging.transforms import Rgb
from service.machine.memory import keep_large_buffers
from service.models.spec import SAMPLE_PHOTO
from tests.support.peaks import LARGEST, measure

_SIZE = (1280, 720)
# From half a metre to five.
_CALIBRATION = (0.2, 1.8)

Calls = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peaks", action="store_true", help="what the largest options take")
    arguments = parser.parse_args()
    if arguments.peaks:
        write_result("effects_peaks", peaks())
        return
    keep_large_buffers()  # As the service does.
    photo = cv2.resize(decode_photo(SAMPLE_PHOTO.read_bytes()).pixels, _SIZE)
    depth = sample_depth(*_SIZE)
    every = calls(np.asarray(photo, np.uint8), depth) | formats(depth)
    sizes = {name: len(made) for name, call in every.items() if isinstance(made := call(), bytes)}
    times = medians(every, arguments.rounds)
    print(f"{'photo of 1280x720':50} {'ms':>8} {'kB':>8}")
    for name, took in times.items():
        size = f"{sizes[name] / 1000:>8.0f}" if name in sizes else ""
        print(f"{name:50} {took:>8.0f} {size}")
    write_result("effects", {"milliseconds": times, "bytes": sizes})


def peaks() -> dict[str, Any]:
    """What each effect takes of the largest square photo, each in a process of its own."""
    figures: dict[str, Any] = {}
    print(f"{'MB':>5} {'admitted':>8} {'B/pixel':>8} {'s':>6} {'s of CPU':>8}  effect")
    for effect, every in LARGEST.items():
        for options in every:
            record = EFFECTS[effect]
            side = record.side(record.options(**options))
            peak = measure(effect, options, side, side)
            name = f"{effect} {side}x{side} {json.dumps(options)}"
            print(
                f"{peak.bytes / 1e6:>5.0f} {peak.declared_bytes / 1e6:>8.0f}",
                f"{peak.bytes / side**2:>8.1f} {peak.seconds:>6.1f} {peak.cpu_seconds:>8.1f}",
                f" {name}",
                flush=True,
            )
            figures[name] = dataclasses.asdict(peak)
    return figures


def calls(pixels: Rgb, depth: DepthMap) -> Calls:
    """The effects at their default options."""
    stills: Calls = {
        "obstacle": lambda: detect_obstacles(depth, ObstacleOptions()),
        "obstacle, picture": lambda: draw_danger_zone(pixels, depth, ObstacleOptions()),
        "relief, shaded": lambda: shaded_relief(pixels, depth, ReliefOptions()),
        "relief, height map": lambda: height_map(pixels, depth, ReliefOptions()),
        "portrait": lambda: blur_background(pixels, depth, PortraitOptions()),
        "portrait, focus in the middle": lambda: blur_background(
            pixels, depth, PortraitOptions(focus="0.5,0.5")
        ),
        "anaglyph": lambda: stereo_picture(pixels, depth, StereoOptions()),
        "mesh 256, GLB": lambda: encode_glb(pixels, depth, MeshOptions(max_side=256)),
        "mesh 512, GLB": lambda: encode_glb(pixels, depth, MeshOptions()),
        "points 512, PLY": lambda: encode_ply(pixels, depth, MeshOptions()),
    }
    formats = [AnimationFormat.WEBP, AnimationFormat.GIF]
    if importlib.util.find_spec("av"):
        formats += [AnimationFormat.MP4, AnimationFormat.WEBM]
    return stills | {
        f"parallax 30 frames 640x360, {kind}": functools.partial(
            encode_parallax, pixels, depth, ParallaxOptions(format=kind)
        )
        for kind in formats
    }


def formats(depth: DepthMap) -> Calls:
    """Every format that can be written here, of metres where it holds nothing else."""
    metres = Metres(depth.kind, *_CALIBRATION).apply(depth)
    camera = CameraOptions().camera(depth.width, depth.height)
    options = EncodeOptions(camera_info=camera.info(depth.width, depth.height))
    return {
        f"format={name}": functools.partial(
            encode, metres if record.metric_only else depth, name, options
        )
        for name, record in FORMATS.items()
        if record.is_available
    }


if __name__ == "__main__":
    main()
