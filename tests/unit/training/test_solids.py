from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from training.coverings import Covering
from training.solids import (
    Place,
    Shape,
    Solid,
    ball,
    bounds,
    box,
    cylinder,
    floor,
    moved,
    rod,
    scaled,
    sheet,
    turned,
)

WHITE = Covering(np.full((4, 4, 3), 255, np.uint8), (1.0, 1.0))
MAKERS: dict[Shape, Callable[..., Solid]] = {
    Shape.BOX: box,
    Shape.BALL: ball,
    Shape.CYLINDER: lambda centre, size, cover, axes=None: dataclasses.replace(
        box(centre, size, cover, axes), shape=Shape.CYLINDER
    ),
    Shape.SHEET: lambda centre, size, cover, axes=None: sheet(centre, size[:2], cover, axes),
}


def solid(shape: Shape, half: Place, axes: np.ndarray | None = None) -> Solid:
    """A solid 5 metres ahead."""
    size = tuple(2 * side for side in half)
    return MAKERS[shape]((0, 0, 5), size, WHITE, axes)


def distance(thing: Solid, x: float = 0, y: float = 0, *, upwards: float = 0) -> float:
    """Of a ray from ``(x, y, 0)`` straight ahead, rising by ``upwards`` per metre."""
    origin = np.array([[x], [y], [0]], np.float32)
    return float(thing.distance(origin, np.array([[0], [upwards], [1]], np.float32))[0])


def aimed(random: np.random.Generator, count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Rays from anywhere around 0 to about a solid's place."""
    origin = random.normal(0, 2, (3, count)).astype(np.float32)
    aim = random.normal(0, 0.4, (3, count)) + np.array([[0], [0], [5]])
    return origin, (aim - origin).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "x", "y", "expected"),
    [
        (Shape.BOX, 0, 0, 3),
        (Shape.BOX, 0.9, 0.4, 3),
        (Shape.BOX, 1.1, 0, math.inf),
        (Shape.BOX, 0, 0.6, math.inf),
        (Shape.BALL, 0, 0, 3),
        (Shape.BALL, 0.6, 0, 5 - 2 * 0.8),
        (Shape.BALL, 0.9, 0.4, math.inf),
        (Shape.CYLINDER, 0, 0.4, 3),
        (Shape.CYLINDER, 0.6, 0.4, 5 - 2 * 0.8),
        (Shape.CYLINDER, 0, 0.6, math.inf),
        (Shape.SHEET, 0.9, 0.4, 5),
        (Shape.SHEET, 1.1, 0, math.inf),
    ],
)
def test_where_a_ray_meets_a_solid(shape: Shape, x: float, y: float, expected: float) -> None:
    assert distance(solid(shape, (1, 0.5, 2)), x, y) == pytest.approx(expected, abs=1e-4)


def test_a_cylinder_has_lids() -> None:
    """From above, the ray meets the lid before the side."""
    thing = solid(Shape.CYLINDER, (1, 0.5, 1))
    assert distance(thing, 0, 5, upwards=-0.9) == pytest.approx(5, abs=1e-4)


@pytest.mark.parametrize("shape", Shape)
def test_what_is_behind_is_not_met(shape: Shape) -> None:
    assert distance(moved([solid(shape, (1, 1, 1))], (0, 0, -10))[0]) == math.inf


def test_a_turned_box_shows_its_edge() -> None:
    """Turned by 45 degrees, a cube's edge is half its diagonal before its middle."""
    thing = solid(Shape.BOX, (1, 1, 1), turned(math.pi / 4))
    assert distance(thing) == pytest.approx(5 - math.sqrt(2), abs=1e-4)


def test_an_outline_cuts_a_sheet_out() -> None:
    outline = np.zeros((2, 2), bool)
    outline[0, 1] = True  # above, on the right
    board = sheet((0, 0, 5), (2, 2), WHITE, None, outline)
    met = {(x, y): math.isfinite(distance(board, x, y)) for x in (-0.5, 0.5) for y in (-0.5, 0.5)}
    assert met == {(-0.5, -0.5): False, (-0.5, 0.5): False, (0.5, -0.5): False, (0.5, 0.5): True}


@pytest.mark.parametrize("shape", [Shape.BOX, Shape.BALL, Shape.CYLINDER])
@pytest.mark.parametrize("axes", [turned(), turned(0.7), turned(0.3, 1.1, -0.4)])
def test_normals_point_outwards(shape: Shape, axes: np.ndarray) -> None:
    thing = solid(shape, (0.8, 1.2, 0.8), axes)
    origin, direction = aimed(np.random.default_rng(0))
    reach = thing.distance(origin, direction)
    hit = np.isfinite(reach)
    assert hit.sum() > 300
    points = origin[:, hit] + direction[:, hit] * reach[hit]
    *_, normal = thing.surface(points)
    assert np.abs(np.linalg.norm(normal, axis=0) - 1).max() < 1e-4
    # The ray comes from outside.
    assert ((normal * direction[:, hit]).sum(0) < 1e-3).all()
    away = thing.distance(points + normal * np.float32(0.01), normal)
    assert np.isinf(away).mean() > 0.99


@pytest.mark.parametrize("shape", Shape)
def test_hits_are_within_the_bounds(shape: Shape) -> None:
    thing = solid(shape, (0.8, 1.2, 0.5), turned(0.4, -0.9, 0.2))
    origin, direction = aimed(np.random.default_rng(1))
    reach = thing.distance(origin, direction)
    hit = np.isfinite(reach)
    assert hit.any()
    points = origin[:, hit] + direction[:, hit] * reach[hit]
    low, high = (np.array(end)[:, None] for end in bounds([thing]))
    assert ((points > low - 1e-3) & (points < high + 1e-3)).all()


def test_moved_solids_keep_together() -> None:
    """Turned by a quarter to the right, what was ahead is on the right."""
    ahead, beside = moved(
        [box((0, 0, 1), (1, 1, 1), WHITE), sheet((1, 0, 0), (1, 1), WHITE)], (0, 2, 0), math.pi / 2
    )
    assert ahead.centre == pytest.approx((1, 2, 0), abs=1e-6)
    assert beside.centre == pytest.approx((0, 2, -1), abs=1e-6)
    # Its front looked towards -z.
    *_, normal = beside.surface(np.array([[0], [2], [-1]], np.float32))
    assert normal[:, 0] == pytest.approx((-1, 0, 0), abs=1e-6)


def test_a_rod_goes_from_one_place_to_another() -> None:
    one, other = (0.2, 0.1, 3.0), (1.5, -0.7, 4.0)
    low, high = bounds([rod(one, other, 0.01, WHITE)])
    assert low == pytest.approx(np.minimum(one, other), abs=0.02)
    assert high == pytest.approx(np.maximum(one, other), abs=0.02)


def test_a_floor_looks_up() -> None:
    ground = floor((0, 0, 0), (4, 2), WHITE)
    low, high = bounds([ground])
    assert low == pytest.approx((-2, 0, -1), abs=1e-6)
    assert high == pytest.approx((2, 0, 1), abs=1e-6)
    *_, normal = ground.surface(np.zeros((3, 1), np.float32))
    assert normal[:, 0] == pytest.approx((0, 1, 0), abs=1e-6)


def test_scaled_solids_stand_where_they_stood() -> None:
    low, high = bounds(scaled([cylinder((1, 0.5, 0), 0.2, 1, WHITE)], 3))
    assert low == pytest.approx((2.7, 0, -0.3), abs=1e-5)
    assert high == pytest.approx((3.3, 3, 0.3), abs=1e-5)
