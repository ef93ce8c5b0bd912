"""What a depth map can be believed about: the ground, and pictures that show no depth at all.

In inverse depth a plane is a plane of the picture's coordinates (Labayrade et al., "Real Time
Obstacle Detection in Stereovision on Non Flat Road Geometry", 2002), so the ground is found by a
robust fit. Where a single plane explains the whole picture, a network that was shown nothing to
tell depth by answers what it has learnt of most photos, a floor: that is no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap, Mask
from service.imaging.render import nearness
from service.imaging.transforms import Rgb

Plane = NDArray[np.float64]
"""Nearness = ``plane @ (x, y, 1)``, with x and y as shares of the picture."""

# Measured with the embedded network (tests/integration/test_obstacle_alarm.py): one surface or none
# leaves 0.013 to 0.036 about a plane, photos of rooms and animals 0.15 to 0.22.
_ONE_SURFACE = 0.05
_LEAST_STRUCTURE = 4.0
_STRUCTURE_SIDE = 160

_GRID = 48
_LOWER = 0.4
_TRIES = 150
_ON_PLANE = 0.035
_GROUND = np.float32(0.06)
_LEAST_RISE = 0.3
_LEAST_SHARE = 0.5
_HIGHEST_HORIZON = -0.2


@dataclass(frozen=True)
class View:
    """``ground`` ``(h, w)``: what is on or behind the ground plane, None without one.

    ``doubt``: why nothing can be told of obstacles, None where something can.
    """

    ground: Mask | None = None
    doubt: str | None = None


def judge(depth: DepthMap, pixels: Rgb | None = None) -> View:
    """What can be told of a view from its ``depth``, and of the photo itself where it is at hand.

    A client's map in metres is a measurement and is not doubted, unless a network guessed it.
    """
    relative = (depth.guessed or depth.kind) is not DepthKind.METRIC_DEPTH
    if depth.model == UPLOADED and depth.guessed is None and not relative:
        return View(_ground(depth))
    if pixels is not None and _structure(pixels) < _LEAST_STRUCTURE:
        return View(doubt="The picture has no structure to tell depth by: dark, white or covered.")
    if relative and _spread_about_a_plane(depth) < _ONE_SURFACE:
        return View(
            doubt="A single surface fills the view, or nothing is seen: relative depth does not "
            "tell a floor from a wall."
        )
    return View(_ground(depth))


def _structure(pixels: Rgb) -> float:
    """Standard deviation of the grey levels, noise averaged away."""
    side = (_STRUCTURE_SIDE, _STRUCTURE_SIDE)
    small = cv2.resize(pixels, side, interpolation=cv2.INTER_AREA)
    return float(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).std())


def _spread_about_a_plane(depth: DepthMap) -> float:
    places, near = _samples(depth, 0.0)
    if len(near) < 3:
        return 0.0
    plane, *_ = np.linalg.lstsq(places, near, rcond=None)
    return float((near - places @ plane).std())


def _ground(depth: DepthMap) -> Mask | None:
    """What is not nearer than the ground at its place; None where no ground is found."""
    plane = _ground_plane(depth)
    if plane is None:
        return None
    x = (np.arange(depth.width, dtype=np.float32) + np.float32(0.5)) / np.float32(depth.width)
    y = (np.arange(depth.height, dtype=np.float32) + np.float32(0.5)) / np.float32(depth.height)
    level = np.float32(plane[0]) * x + (np.float32(plane[1]) * y + np.float32(plane[2]))[:, None]
    return np.asarray(nearness(depth) <= level + _GROUND)


def _ground_plane(depth: DepthMap) -> Plane | None:
    """The plane of most of the picture's lower part, if it rises towards the viewer as ground does.

    By random triples (Fischler and Bolles, "Random Sample Consensus", 1981), then least squares
    over those that agree. The triples are the same for every picture.
    """
    places, near = _samples(depth, _LOWER)
    if len(near) < 3:
        return None
    random = np.random.default_rng(0)
    best = np.zeros(len(near), np.bool_)
    for _ in range(_TRIES):
        three = random.choice(len(near), 3, replace=False)
        if abs(np.linalg.det(places[three])) < 1e-3:
            continue
        agree = np.abs(places @ np.linalg.solve(places[three], near[three]) - near) < _ON_PLANE
        if agree.sum() > best.sum():
            best = agree
    if best.mean() < _LEAST_SHARE:
        return None
    plane, *_ = np.linalg.lstsq(places[best], near[best], rcond=None)
    across, down, level = (float(number) for number in plane)
    if down < _LEAST_RISE or abs(across) > down / 2:
        return None
    # A body or a wall that leans towards the camera has its horizon far above the picture.
    horizon = -(level + across / 2) / down
    return np.asarray(plane) if horizon >= _HIGHEST_HORIZON else None


def _samples(depth: DepthMap, top: float) -> tuple[Plane, NDArray[np.float64]]:
    """Places ``(n, 3)`` and nearness ``(n,)`` of some known pixels, from ``top`` (0..1) down."""
    rows = np.unique(np.linspace(top * (depth.height - 1), depth.height - 1, _GRID).astype(int))
    columns = np.unique(np.linspace(0, depth.width - 1, _GRID).astype(int))
    some = np.ix_(rows, columns)
    near, known = nearness(depth)[some], depth.valid[some]
    x, y = np.meshgrid((columns + 0.5) / depth.width, (rows + 0.5) / depth.height)
    places = np.stack([x, y, np.ones_like(x)], axis=-1)
    return places[known], near[known].astype(np.float64)
