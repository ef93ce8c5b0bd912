from __future__ import annotations

import math

import numpy as np
import pytest

from training.solids import Shape, Solid

WHITE = np.full((4, 4, 3), 255, np.uint8)


def solid(shape: Shape, half: tuple[float, float, float], **more: object) -> Solid:
    """A solid 5 metres ahead."""
    given: dict[str, object] = {
        "centre": np.array([0, 0, 5], np.float32),
        "half": np.array(half, np.float32),
        "turn": 0.0,
        "covering": WHITE,
        "covering_metres": 1.0,
    }
    return Solid(shape, **(given | more))  # type: ignore[arg-type]


def distance(thing: Solid, x: float = 0, y: float = 0, *, upwards: float = 0) -> float:
    """Of a ray from ``(x, y, 0)`` straight ahead, rising by ``upwards`` a metre."""
    origin = np.array([[x, y, 0]], np.float32)
    return float(thing.distance(origin, np.array([[0, upwards, 1]], np.float32))[0])


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
    ],
)
def test_where_a_ray_meets_a_solid(shape: Shape, x: float, y: float, expected: float) -> None:
    assert distance(solid(shape, (1, 0.5, 2)), x, y) == pytest.approx(expected, abs=1e-4)


def test_a_cylinder_has_lids() -> None:
    """From above, the ray meets the lid before the side."""
    thing = solid(Shape.CYLINDER, (1, 0.5, 1))
    assert distance(thing, 0, 5, upwards=-0.9) == pytest.approx(5, abs=1e-4)


def test_what_is_behind_is_not_met() -> None:
    behind = solid(Shape.BOX, (1, 1, 1), centre=np.array([0, 0, -5], np.float32))
    assert distance(behind) == math.inf


def test_a_turned_box_shows_its_edge() -> None:
    """Turned by 45 degrees, a cube's edge is half its diagonal before its middle."""
    turned = solid(Shape.BOX, (1, 1, 1), turn=math.pi / 4)
    assert distance(turned) == pytest.approx(5 - math.sqrt(2), abs=1e-4)


def test_an_outline_cuts_a_board_out() -> None:
    outline = np.zeros((2, 2), bool)
    outline[0, 1] = True  # above, on the right
    board = solid(Shape.BOX, (1, 1, 0.01), outline=outline)
    met = {(x, y): math.isfinite(distance(board, x, y)) for x in (-0.5, 0.5) for y in (-0.5, 0.5)}
    assert met == {(-0.5, -0.5): False, (-0.5, 0.5): False, (0.5, -0.5): False, (0.5, 0.5): True}


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_normals_point_outwards(shape: Shape, turn: float) -> None:
    thing = solid(shape, (0.8, 1.2, 0.8), turn=turn)
    random = np.random.default_rng(0)
    aim = (random.normal(0, 0.5, (500, 3)) + np.array([0, 0, 5])).astype(np.float32)
    origin = random.normal(0, 3, (500, 3)).astype(np.float32)
    direction = aim - origin
    reach = thing.distance(origin, direction)
    hit = np.isfinite(reach)
    assert hit.sum() > 300
    points = origin[hit] + direction[hit] * reach[hit, None]
    _, normal = thing.surface(points)
    assert np.abs(np.linalg.norm(normal, axis=1) - 1).max() < 1e-4
    # The ray comes from outside.
    assert ((normal * direction[hit]).sum(1) < 1e-3).all()
    outside = points + normal * np.float32(0.01)
    away = thing.distance(outside, normal)
    assert np.isinf(away).mean() > 0.99


def test_the_covering_goes_on_in_mirror_images() -> None:
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[:, 1] = 255
    wall = solid(Shape.BOX, (9, 9, 0.1), covering=halves, covering_metres=2.0)
    points = np.array([[x, 0, 4.9] for x in (0.5, 1.5, 2.5, 3.5, 4.5)], np.float32)
    bright = wall.surface(points)[0][:, 0] > 0.5
    assert list(bright) in ([True, False, False, True, True], [False, True, True, False, False])
