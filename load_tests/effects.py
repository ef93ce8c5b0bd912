"""Every effect and every format of depth of a real photo: time without the network's, size, memory.

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
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from load_tests.machine import write_result
from load_tests.sample import sample_depth
from load_tests.timing import medians
from service.effects.animation import AnimationFormat
from service.effects.catalog import EFFECTS
from service.effects.record import Source
from service.effects.stereo import PICTURE_LAYOUTS, StereoLayout
from service.imaging.decode import Photo, decode_photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, encode
from service.machine.memory import keep_large_buffers
from service.models.spec import SAMPLE_PHOTO
from tests.support.peaks import LARGEST, measure

_SIZE = (1280, 720)
_VIDEOS = (AnimationFormat.MP4, AnimationFormat.WEBM)
# What changes the work or the file more than a format does.
_MORE: dict[str, list[dict[str, Any]]] = {
    "portrait": [{"focus": "0.5,0.5"}],
    "stereo": [
        {"layout": layout}
        for layout in (*PICTURE_LAYOUTS, StereoLayout.PAIR)
        if layout is not StereoLayout.ANAGLYPH
    ],
    "pointcloud": [{"format": "glb", "max_side": 256}],
}

Calls = dict[str, Callable[[], bytes]]


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
    source = Source(Photo(np.asarray(photo, np.uint8), *_SIZE), depth)
    every = dict(effect_calls(source)) | dict(format_calls(depth))
    times = medians(every, arguments.rounds)
    figures = {name: {"ms": took, "bytes": len(every[name]())} for name, took in times.items()}
    print(f"{'photo of 1280x720':50} {'ms':>8} {'kB':>8}")
    for name, figure in figures.items():
        print(f"{name:50} {figure['ms']:>8.0f} {figure['bytes'] / 1000:>8.0f}")
    write_result("effects", figures)


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


def effect_calls(source: Source) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Each effect in each of its formats, at its other default options; files are written, too."""
    has_video = importlib.util.find_spec("av") is not None
    for effect in EFFECTS.values():
        formats = [format for format in effect.media_types if has_video or format not in _VIDEOS]
        for asked in [*({"format": format} for format in formats), *_MORE.get(effect.name, [])]:
            words = " ".join(f"{key}={value}" for key, value in asked.items())
            options = effect.options(**asked)
            yield f"{effect.name} {words}", functools.partial(effect.make, source, options)


def format_calls(depth: DepthMap) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Each format of depth maps that can be written here."""
    distances = np.reciprocal(depth.values + np.float32(0.1), dtype=np.float32)
    metres = DepthMap(distances, DepthKind.METRIC_DEPTH, depth.model)
    options = EncodeOptions(camera_info={})
    for format, record in FORMATS.items():
        if record.is_available:
            some = metres if record.metric_only else depth
            yield f"depth format={format}", functools.partial(encode, some, format, options)


if __name__ == "__main__":
    main()
