"""Stairs between walls or with railings, seen from below, from above and from aside."""

from __future__ import annotations

import math

from training.cameras import Pose
from training.lights import indoors
from training.patterns import Patterns
from training.render import Stage
from training.rooms import Shell, furnished
from training.solids import Place, Solid, box, moved, rod
from training.things import person, plant


def stairs(patterns: Patterns) -> tuple[Stage, Pose]:
    """A flight of steps in a hall whose floor is at its foot."""
    random = patterns.random
    rise, run = random.uniform(0.14, 0.2), random.uniform(0.24, 0.34)
    count, width = int(random.integers(5, 16)), random.uniform(0.8, 3)
    top, length = count * rise, count * run
    shell = Shell(width + random.uniform(0.1, 3), length + random.uniform(3, 7), top + 2.4)
    solids, _ = furnished(patterns, shell, 0.2)
    # It begins so far behind the middle that its landing reaches the wall.
    start = shell.depth / 2 - length - 1.2
    flight = [*_steps(patterns, (width, rise, run), count), *_sides(patterns, width, top, length)]
    landing = box((0, top / 2, length + 1.0), (width, top, 2.0), patterns.any())
    solids += moved([*flight, landing], (0, 0, start))
    solids += moved(
        (person if random.random() < 0.5 else plant)(patterns),
        (random.uniform(-0.3, 0.3) * width, 0, start - random.uniform(0.3, 1)),
        random.uniform(-math.pi, math.pi),
    )
    pose = _seen_from(patterns, shell, (width, top, start))
    return Stage(solids, indoors(random, shell.hall), 9.0), pose


def _seen_from(patterns: Patterns, shell: Shell, flight: Place) -> Pose:
    width, top, start = flight
    random = patterns.random
    roll, angle = float(random.normal(0, 3)), random.uniform(50, 80)
    kind = random.random()
    x = random.uniform(-0.35, 0.35) * width
    if kind < 0.35:
        # From the landing down.
        eye = (x, top + random.uniform(0.6, 1.7), shell.depth / 2 - 0.5)
        return Pose(eye, 180 + float(random.normal(0, 10)), random.uniform(-50, -8), roll, angle)
    low = max(-shell.depth / 2 + 0.3, start - random.uniform(0.8, 4))
    height = random.uniform(0.4, 1.8)
    if kind < 0.8 or shell.width - width < 1.2:
        return Pose(
            (x, height, low), float(random.normal(0, 12)), random.uniform(-20, 30), roll, angle
        )
    eye = (shell.width / 2 - 0.3, height, start + random.uniform(-1, 1))
    return Pose(eye, random.uniform(-80, -20), random.uniform(-20, 20), roll, angle)


def _steps(patterns: Patterns, size: Place, count: int) -> list[Solid]:
    width, rise, run = size
    tread, block = patterns.wood(), patterns.any()
    closed = patterns.random.random() < 0.7
    solids = []
    for step in range(count):
        top, middle = (step + 1) * rise, (step + 0.5) * run
        if closed:
            body = top - 0.03
            solids.append(box((0, body / 2, middle), (width, body, run), block))
        solids.append(box((0, top - 0.02, middle - 0.015), (width + 0.02, 0.04, run + 0.03), tread))
    return solids


def _sides(patterns: Patterns, width: float, top: float, length: float) -> list[Solid]:
    """Railings of bars, at times only on one side."""
    random, metal = patterns.random, patterns.plain(0.1)
    solids: list[Solid] = []
    high, thick = random.uniform(0.85, 1.0), random.uniform(0.015, 0.04)
    for side in (-1, 1):
        if random.random() < 0.4:
            continue
        x, count = side * (width / 2 - 0.04), int(length / random.uniform(0.11, 0.5))
        solids.append(rod((x, high, 0), (x, top + high, length), 0.05, metal))
        for bar in range(count + 1):
            y, z = bar / count * top, bar / count * length
            solids.append(box((x, y + high / 2, z), (thick, high, thick), metal))
    return solids
