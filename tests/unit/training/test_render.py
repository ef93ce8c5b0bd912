"""Depth of known solids from known cameras, to the pixel."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from training.cameras import Camera, Pose, Sun
from training.coverings import Covering
from training.lights import daylight
from training.render import FARTHEST_METRES, OVERSAMPLING, Stage, first_hits, render
from training.solids import Shape, Solid, ball, box, cylinder, floor, sheet, turned

GREY = Covering(np.full((4, 4, 3), 128, np.uint8), (1.0, 1.0))
LIGHT = dataclasses.replace(daylight(np.random.default_rng(0)), haze=0.0)
SIZE = (60, 80)


def depth_of(solids: list[Solid], pose: Pose) -> np.ndarray:
    camera = pose.camera((SIZE[0] * OVERSAMPLING, SIZE[1] * OVERSAMPLING))
    scene = render(Stage(solids, LIGHT), camera, np.random.default_rng(0))
    return np.asarray(1 / scene.inverse_depth)


def across_and_up(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of a camera go, at depth 1: those of each pixel beside each other."""
    height, width = (side * OVERSAMPLING for side in SIZE)
    reach = math.tan(math.radians(angle) / 2)
    x = ((np.arange(width) + 0.5) * 2 / width - 1) * reach
    y = (1 - (np.arange(height) + 0.5) * 2 / height) * reach * height / width
    return np.meshgrid(x, y)


def nearest(depth: np.ndarray) -> np.ndarray:
    """Of each pixel's rays."""
    height, width = SIZE
    return np.asarray(depth.reshape(height, OVERSAMPLING, width, OVERSAMPLING).min(axis=(1, 3)))


@pytest.mark.parametrize("tilt", [-50.0, -10.0, 5.0, 35.0])
@pytest.mark.parametrize("turn", [0.0, 130.0])
def test_floor_and_ceiling_have_the_depth_of_planes(tilt: float, turn: float) -> None:
    above = sheet((0, 2.5, 0), (900, 900), GREY, turned(0, -math.pi / 2))
    solids = [floor((0, 0, 0), (900, 900), GREY), above]
    depth = depth_of(solids, Pose((0.3, 1.5, -0.2), turn, tilt, 0, 60))
    _, y = across_and_up(60)
    rise = y * math.cos(math.radians(tilt)) + math.sin(math.radians(tilt))
    expected = np.where(rise > 0, 1.0, -1.5) / rise
    expected = nearest(np.minimum(expected, FARTHEST_METRES))
    assert depth == pytest.approx(expected, rel=1e-3)


def test_a_wall_looked_at_squarely_is_equally_deep_everywhere() -> None:
    """Depth is along the camera's axis, not along the ray."""
    depth = depth_of([sheet((0, 0, 3), (90, 90), GREY)], Pose((0, 0, 0), 0, 0, 7, 80))
    assert depth == pytest.approx(np.full(SIZE, 3.0), rel=1e-5)


def test_a_wall_looked_at_aslant_is_a_plane() -> None:
    depth = depth_of([sheet((0, 0, 3), (900, 900), GREY)], Pose((0, 0, 0), 40, 0, 0, 50))
    x, _ = across_and_up(50)
    expected = 3 / (math.cos(math.radians(40)) - x * math.sin(math.radians(40)))
    assert depth == pytest.approx(nearest(expected), rel=1e-4)


def test_a_box_ends_to_the_pixel() -> None:
    depth = depth_of([box((0, 0, 4.5), (1, 1, 1), GREY)], Pose((0, 0, 0), 0, 0, 0, 60))
    x, y = across_and_up(60)
    within = (np.abs(x) * 4 < 0.5) & (np.abs(y) * 4 < 0.5)
    expected = nearest(np.where(within, 4.0, FARTHEST_METRES))
    assert (expected == 4).sum() > 50
    assert depth == pytest.approx(expected, rel=1e-5)


def test_a_ball_is_round() -> None:
    depth = depth_of([ball((0, 0, 5), (2, 2, 2), GREY)], Pose((0, 0, 0), 0, 0, 0, 40))
    x, y = across_and_up(40)
    squared = 1 + x**2 + y**2
    inside = 25 - 24 * squared
    reach = (5 - np.sqrt(np.maximum(inside, 0))) / squared
    expected = nearest(np.where(inside >= 0, reach, FARTHEST_METRES))
    # At its very rim rounding decides.
    differs = np.abs(depth - expected) > 1e-3 * expected
    assert differs.mean() < 0.002


def anything(random: np.random.Generator) -> Solid:
    centre = tuple(random.normal(0, 2, 3))
    size = tuple(random.uniform(0.05, 3, 3))
    axes = turned(*random.uniform(-3, 3, 3))
    solid = box(centre, size, GREY, axes)
    return dataclasses.replace(solid, shape=list(Shape)[random.integers(len(Shape))])


VIEWS: dict[str, Camera | Sun] = {
    "ahead": Pose((0, 0, -3), 0, 0, 0, 60).camera((40, 50)),
    "within": Pose((0.2, 0.1, 0), 70, -50, 20, 90).camera((50, 40)),
    "sun": Sun((0.3, 0.9, -0.3), (0, 0, 0), 6.0, 48),
    "noon": Sun((0.0, 1.0, 0.0), (0, 0, 0), 6.0, 48),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_no_ray_that_meets_a_solid_is_left_out(view: Camera | Sun) -> None:
    """Only rays near a solid are tried: as if all were."""
    random = np.random.default_rng(3)
    met = 0
    for _ in range(60):
        solid = anything(random)
        distance, first = first_hits([solid], view)
        every = solid.distance(*view.rays(view.everywhere)).reshape(view.size)
        assert np.array_equal(distance, every)
        assert np.array_equal(first == 0, np.isfinite(every))
        met += int(np.isfinite(every).any())
    assert met > 20


def test_the_nearest_solid_is_seen_whatever_their_order() -> None:
    random = np.random.default_rng(4)
    solids = [anything(random) for _ in range(12)]
    view = VIEWS["ahead"]
    one, other = first_hits(solids, view), first_hits(solids[::-1], view)
    assert np.array_equal(one[0], other[0])
    several = np.stack([solid.distance(*view.rays(view.everywhere)) for solid in solids])
    assert np.array_equal(one[0].ravel(), several.min(axis=0))


def test_a_thing_casts_its_shadow() -> None:
    """Straight below what hangs in the air; not where it is said to cast none."""
    light = dataclasses.replace(
        LIGHT, towards=(0.0, 1.0, 0.0), sun=(1.0, 1.0, 1.0), softness=0.01, lamp=None
    )
    hung = cylinder((0, 4, 4), 1.0, 0.1, GREY)
    ground = floor((0, 0, 0), (90, 90), GREY)
    # It looks at the place below.
    camera = Pose((0, 1.5, 0), 0, -math.degrees(math.atan(1.5 / 4)), 0, 60).camera((120, 160))
    brightness = {}
    for name, solid in (("lit", dataclasses.replace(hung, casts=False)), ("shaded", hung)):
        stage = Stage([ground, solid], light, white=1.5)
        photo = render(stage, camera, np.random.default_rng(0)).photo
        brightness[name] = float(photo[30, 40].mean())
    assert brightness["shaded"] < 0.7 * brightness["lit"]


@pytest.mark.parametrize(("away", "seen"), [(0.29, False), (0.31, True)])
def test_small_things_before_the_lens_are_left_out(away: float, seen: bool) -> None:
    wall = sheet((0, 0, 3), (90, 90), GREY)
    thing = box((0, 0, away + 0.05), (0.1, 0.1, 0.1), GREY)
    depth = depth_of([wall, thing], Pose((0, 0, 0), 0, 0, 0, 60))
    assert depth.min() == pytest.approx(away if seen else 3.0, rel=1e-4)


def test_a_wall_before_the_lens_stays() -> None:
    wall = sheet((0, 0, 0.1), (90, 90), GREY)
    assert depth_of([wall], Pose((0, 0, 0), 0, 0, 0, 60)).min() == pytest.approx(0.1, rel=1e-4)
