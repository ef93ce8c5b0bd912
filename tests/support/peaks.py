"""The most memory that an effect holds: in a process of its own, because a peak cannot be reset.

Each is forked from one that has imported everything, which takes a second of a core.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from service.effects.catalog import EFFECTS
from service.effects.record import Source
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap, filled
from service.imaging.transforms import bounded_size
from service.machine.memory import (
    keep_large_buffers,
    limit_arenas,
    release_free_memory,
    resident_bytes,
)
from tests.support.depths import inverse_depth, motorcycle_inverse
from tests.support.photos import photo_pixels

# What takes the most memory, and the most time: both sides out of focus, the widest movement.
LARGEST: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "obstacle": (
        {"format": "json", "threshold": 0.3, "grid": "64x64"},
        {"format": "png", "threshold": 0.3, "max_side": 4096},
    ),
    "pointcloud": tuple(
        {"format": format, "max_side": 2048, "edge": 89.9, "texture_side": 4096}
        for format in ("ply", "glb", "stl")
    ),
    "relief": tuple(
        {"format": format, "max_side": 4096, "texture": 1, "smooth": smooth}
        for format, smooth in (
            *(("shaded", 0.0025), ("normals", 0.0025)),
            *(("height16", 0.05), ("stl", 0.05)),
        )
    ),
    "portrait": tuple(
        {"max_side": 4096, "format": format} | more
        for format, more in (
            ("jpeg", {"aperture": 1, "focus": "0.5,0.5", "depth_of_field": 0}),
            ("jpeg", {"aperture": 0.02, "focus": "0.5,0.5", "depth_of_field": 0}),
            ("png", {}),
            ("webp", {}),
        )
    ),
    "parallax": tuple(
        {"format": format, "max_side": 1280, "frames": 36, "amplitude": 0.1, "path": path}
        for format, path in (
            ("gif", "circle"),
            ("webp", "dolly_zoom"),
            ("mp4", "circle"),
            ("webm", "circle"),
        )
    ),
    "stereo": tuple(
        {"max_side": 4096, "amplitude": 0.1, "format": format, "layout": layout}
        for format, layout in (
            ("jpeg", "anaglyph"),
            ("jpeg", "sbs"),
            ("png", "half-tb"),
            ("webp", "sbs"),
            ("webp", "pair"),
        )
    ),
}

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Peak:
    """What one effect took beside the idle process, its photo and its file included."""

    bytes: int
    declared_bytes: int
    seconds: float
    cpu_seconds: float


def measure(effect: str, options: Mapping[str, Any], width: int, height: int) -> Peak:
    """Run an effect on a photo of this size, at most as large as it uses; Linux only."""
    with ProcessPoolExecutor(1, mp_context=_FORKS) as process:
        return process.submit(_measure, effect, options, width, height).result()


def measure_filling(width: int, height: int) -> int:
    """The most bytes held to fill the gaps of a map of this size, beside the map; Linux only."""
    with ProcessPoolExecutor(1, mp_context=_FORKS) as process:
        return process.submit(_measure_filling, width, height).result()


def _measure_filling(width: int, height: int) -> int:
    values = np.ones((height, width), np.float32)
    known = np.ones((height, width), bool)
    known[::50, ::50] = False
    filled(values[:200, :200], known[:200, :200])
    before = resident_bytes()
    filled(values, known)
    return peak_bytes() - before


def _measure(effect: str, options: Mapping[str, Any], width: int, height: int) -> Peak:
    # As the service does.
    limit_arenas()
    keep_large_buffers()
    record = EFFECTS[effect]
    chosen = record.options(**options)
    picture = photo_pixels("motorcycle_left.png")
    # Of a network's size.
    values = cv2.resize(motorcycle_inverse().values, (384, 256), interpolation=cv2.INTER_AREA)
    depth = inverse_depth(np.asarray(values))
    record.make(_source(cv2.resize(picture, (160, 120)), depth), chosen)
    release_free_memory()
    before = resident_bytes()
    width, height = bounded_size(width, height, record.side(chosen))
    photo = np.empty((height, width, 3), np.uint8)
    cv2.resize(picture, (width, height), photo)
    started, started_cpu = time.perf_counter(), time.process_time()
    record.make(_source(photo, depth), chosen)
    return Peak(
        bytes=peak_bytes() - before,
        declared_bytes=record.working_bytes(chosen, width * height),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - started_cpu,
    )


def _source(pixels: Any, depth: DepthMap) -> Source:
    return Source(Photo(pixels, pixels.shape[1], pixels.shape[0]), depth)


def peak_bytes() -> int:
    """The most that this process has held; ``ru_maxrss`` a child may have from its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
