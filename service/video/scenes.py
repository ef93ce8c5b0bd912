"""A first pass over a clip: where its scenes begin, and what the ends of their scales are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from service.imaging.depth_map import DepthMap
from service.imaging.render import central_range
from service.imaging.steady_depth import SceneEnds, SteadyDepth
from service.imaging.transforms import Rgb

# Of a scene's frames, the shares that may be farther and nearer: single frames are wrong.
_OUTLIERS = (5.0, 95.0)


def find_scenes(
    seen: Iterable[tuple[Any, DepthMap, Rgb]], count: Callable[[int], None]
) -> list[SceneEnds]:
    """The scenes of all frames, whose depth may be of a network's smallest input.

    ``count`` is called after each frame. The ends of each frame are taken in the scale of its
    scene's first one, so they hold for depth of the same scene at any size.
    """
    steady = SteadyDepth(adaption=0.0)
    firsts: list[int] = []
    ends: list[list[tuple[float, float]]] = []
    for number, (_, depth, picture) in enumerate(seen):
        frame = steady.follow(depth, picture)
        if frame.starts_scene:
            firsts.append(number)
            ends.append([])
        ends[-1].append(central_range(frame.nearness))
        count(1)
    scenes = []
    for first, of_frames in zip(firsts, ends, strict=True):
        lows, highs = np.array(of_frames).T
        low, high = np.percentile(lows, _OUTLIERS[0]), np.percentile(highs, _OUTLIERS[1])
        scenes.append(SceneEnds(first, float(low), float(high)))
    return scenes
