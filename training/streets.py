"""Outdoors: streets between houses, and open land; a far sky over both."""

from __future__ import annotations

import dataclasses
import math

from training.cameras import Pose
from training.lights import daylight
from training.patterns import Patterns
from training.render import Stage
from training.scenery import bench, bush, car, fence, house, pole, tree
from training.solids import Solid, ball, bounds, box, floor, moved
from training.things import jumble, person

_FAR = 75.0


def street(patterns: Patterns) -> tuple[Stage, Pose]:
    """A road along z between two rows of houses, and a camera on it or on its pavement."""
    random = patterns.random
    road, pavement = random.uniform(3, 12), random.uniform(1.2, 5)
    solids, pieces = _road(patterns, road, pavement), []
    for side in (-1, 1):
        turn = side * math.pi / 2
        if random.random() < 0.85:
            row = _row_of_houses(patterns, -side)
            solids += moved(row, (side * (road / 2 + pavement), 0.12, 0), turn)
        else:
            pieces += _trees(patterns, side * (road / 2 + pavement + 4))
        pieces += _kerb(patterns, side, road, pavement)
    for _ in range(int(random.integers(0, 4))):
        lane = random.choice([-0.25, 0.25]) * road
        heading = math.pi if lane < 0 else 0.0
        pieces.append(moved(car(patterns), (float(lane), 0, random.uniform(7, 45)), heading))
    if random.random() < 0.2:
        solids += moved(house(patterns, 30, 15, 8), (0, 0, random.uniform(25, 55)))
    x = random.uniform(-0.5, 0.5) * (road + pavement)
    eye = (x, random.uniform(0.5, 2.6), 0.0)
    turn = random.normal(0, 10) if random.random() < 0.75 else random.uniform(-75, 75)
    up = random.normal(0, 5) if random.random() < 0.8 else random.uniform(-30, 35)
    pose = Pose(eye, float(turn), float(up), float(random.normal(0, 2)), random.uniform(50, 90))
    return Stage(solids + _clear(pieces, pose), daylight(random), 26.0), pose


def land(patterns: Patterns) -> tuple[Stage, Pose]:
    """A meadow, a park or a yard with trees, bushes, fences, people and hills."""
    random = patterns.random
    ground = patterns.ground()
    solids = [floor((0, 0, 0), (400, 400), ground)]
    for _ in range(int(random.integers(0, 4))):
        size = random.uniform(15, 60)
        place = (random.uniform(-50, 50), -0.2 * size, random.uniform(30, 60))
        solids.append(ball(place, (size * 2, size * random.uniform(0.5, 1), size), ground))
    if random.random() < 0.4:
        path = floor((0, 0.01, 40), (random.uniform(1, 4), 90), patterns.ground())
        solids += moved([path], (random.normal(0, 2), 0, 0), random.normal(0, 0.3))
    pieces = []
    makers = [tree, tree, bush, person, bench, jumble, pole, car]
    for _ in range(int(random.integers(4, 16))):
        away = math.exp(random.uniform(math.log(1.6), math.log(35)))
        aside = random.uniform(-0.7, 0.7) * away
        piece = makers[int(random.integers(len(makers)))](patterns)
        pieces.append(moved(piece, (aside, 0, away), random.uniform(-math.pi, math.pi)))
    if random.random() < 0.5:
        away = random.uniform(2, 15)
        solids += moved(fence(patterns, away * 2.5), (0, 0, away), random.normal(0, 0.4))
    if random.random() < 0.4:
        away = random.uniform(10, 40)
        block = house(patterns, random.uniform(6, 14), random.uniform(3, 9), 8)
        solids += moved(block, (random.uniform(-0.5, 0.5) * away, 0, away), random.normal(0, 0.5))
    up = random.normal(-2, 6) if random.random() < 0.7 else random.uniform(-45, 40)
    height = random.uniform(0.2, 2.2)
    roll, angle = float(random.normal(0, 3)), random.uniform(45, 80)
    pose = Pose((0, height, 0), float(random.normal(0, 8)), float(up), roll, angle)
    return Stage(solids + _clear(pieces, pose), daylight(random), 16.0), pose


def sky(patterns: Patterns) -> tuple[Stage, Pose]:
    """Sky alone, or with the tops of what stands below it."""
    stage, pose = land(patterns)
    if patterns.random.random() < 0.6:
        stage = dataclasses.replace(stage, solids=[])
    return stage, dataclasses.replace(pose, tilt=patterns.random.uniform(35, 85))


def _road(patterns: Patterns, road: float, pavement: float) -> list[Solid]:
    random = patterns.random
    asphalt, slabs = patterns.asphalt(), patterns.tiles()
    solids = [floor((0, 0, 20), (300, 300), asphalt)]
    for side in (-1, 1):
        x = side * (road / 2 + pavement / 2 + 6)
        solids.append(box((x, 0.05, 30), (pavement + 12, 0.14, 120), slabs))
    paint = patterns.plain(0.0)
    if random.random() < 0.6:
        gap = random.uniform(2, 5)
        solids += [
            floor((0, 0.004, gap * number), (0.14, gap * 0.5), paint) for number in range(15)
        ]
    if random.random() < 0.25:
        away = random.uniform(4, 14)
        solids += [
            floor((x * 1.0, 0.004, away), (0.5, 3), paint)
            for x in range(-int(road / 2), int(road / 2) + 1)
        ]
    return solids


def _row_of_houses(patterns: Patterns, way: int) -> list[Solid]:
    """Along x or, if ``way`` is -1, against it, their fronts at z = 0 towards -z."""
    random = patterns.random
    solids: list[Solid] = []
    level = random.uniform(4, 20)
    x = -8.0
    while x < _FAR:
        width = random.uniform(6, 20)
        height = max(3.0, level * random.uniform(0.6, 1.4))
        back = max(0.0, random.normal(0, 0.8))
        if random.random() < 0.9:
            solids += moved(house(patterns, width, height, 9), (way * (x + width / 2), 0, back))
        x += width + (random.uniform(0.5, 6) if random.random() < 0.2 else 0.0)
    return solids


def _kerb(patterns: Patterns, side: int, road: float, pavement: float) -> list[list[Solid]]:
    """Parked cars, poles, trees and people along one side."""
    random = patterns.random
    pieces: list[list[Solid]] = []
    if random.random() < 0.6:
        z = random.uniform(-2, 6)
        while z < 45:
            if random.random() < 0.75:
                place = (side * (road / 2 - 1.0), 0.0, z)
                pieces.append(moved(car(patterns), place, random.choice([0.0, math.pi])))
            z += random.uniform(5, 8)
    edge = side * (road / 2 + 0.4)
    if random.random() < 0.6:
        gap = random.uniform(6, 16)
        maker = tree if random.random() < 0.4 else pole
        for number in range(int(45 / gap)):
            z = 2 + gap * number + random.normal(0, 0.5)
            pieces.append(moved(maker(patterns), (edge, 0.12, z), random.uniform(-0.3, 0.3)))
    if random.random() < 0.15:
        rail = fence(patterns, 18)
        pieces.append(moved(rail, (edge, 0.12, random.uniform(4, 14)), math.pi / 2))
    for _ in range(int(random.integers(0, 4))):
        x = side * (road / 2 + random.uniform(0.3, 0.9) * pavement)
        place = (x, 0.12, math.exp(random.uniform(0.7, 3.3)))
        pieces.append(moved(person(patterns), place, random.uniform(-math.pi, math.pi)))
    return pieces


def _trees(patterns: Patterns, x: float) -> list[list[Solid]]:
    random = patterns.random
    places = [(x + random.normal(0, 2), 0.0, random.uniform(3, 50)) for _ in range(8)]
    return [moved(tree(patterns), place) for place in places]


def _clear(pieces: list[list[Solid]], pose: Pose) -> list[Solid]:
    """Without what the camera is in, or has just before its lens."""
    return [solid for piece in pieces if not _covers(piece, pose) for solid in piece]


def _covers(piece: list[Solid], pose: Pose) -> bool:
    low, high = bounds(piece)
    return all(low[axis] - 0.6 < pose.eye[axis] < high[axis] + 0.6 for axis in (0, 2))
