"""What is seen from close: things on a table, the floor from above, pages, pictures and walls."""

from __future__ import annotations

import dataclasses
import math

from training.cameras import Pose
from training.furniture import chair, cupboard, shelves, table
from training.lights import Light, indoors
from training.patterns import Patterns
from training.render import Stage
from training.rooms import Shell, bare
from training.solids import Solid, bounds, box, floor, moved, scaled, sheet, turned
from training.things import clutter, jumble, person, plant, small


def tabletop(patterns: Patterns) -> tuple[Stage, Pose]:
    """A table with things, from 0.5 to 1.2 m away, 12 to 88 degrees down."""
    random = patterns.random
    shell = Shell(random.uniform(2.6, 5), random.uniform(2.6, 5), 2.5)
    desk = table(patterns, things=int(random.integers(3, 12)))
    top = desk[0].centre[1] + desk[0].half[1]
    if random.random() < 0.4:
        wide, tall = random.choice([0.21, 0.3]), 0.297
        paper = floor((0, top + 0.001, -0.05), (wide, tall), patterns.page(float(wide), tall))
        desk += moved([paper], (0, 0, 0), random.normal(0, 0.4))
    solids = [*_walled(patterns, shell), *moved(desk, (0, 0, 0), random.normal(0, 0.3))]
    for turn in (0.0, 2.0, 4.0):
        if random.random() < 0.4:
            seat = moved(chair(patterns), (0, 0, 0.8), random.normal(0, 0.2))
            solids += moved(seat, (0, 0, 0), turn)
    down = random.uniform(12, 50) if random.random() < 0.7 else random.uniform(50, 88)
    aim = (random.normal(0, 0.12), top + random.uniform(0, 0.15), random.normal(0, 0.1))
    away = random.uniform(0.5, 1.2)
    return Stage(solids, indoors(random, shell.hall), 3.0), _towards(patterns, aim, away, down)


def flat(patterns: Patterns) -> tuple[Stage, Pose]:
    """A page or a picture on a wall, seen aslant, or nearly square on with something before it."""
    aslant = patterns.random.random() < 0.35
    return _on_a_wall(patterns, aslant, before=not aslant or patterns.random.random() < 0.3)


def facing(patterns: Patterns) -> tuple[Stage, Pose]:
    """A page, a picture or a bare wall nearly square on: almost one depth, whatever it shows."""
    random = patterns.random
    if random.random() < 0.8:
        return _on_a_wall(patterns, aslant=False, before=False)
    cover = patterns.wall() if random.random() < 0.7 else patterns.floor()
    turn, up = random.normal(0, 2.5, 2)
    pose = Pose(
        _before(random.uniform(0.5, 4), turn, up),
        float(turn),
        float(up),
        float(random.normal(0, 3)),
        random.uniform(35, 70),
    )
    return Stage([sheet((0, 0, 0), (30, 30), cover)], _before_a_wall(patterns), 3.0), pose


def _on_a_wall(patterns: Patterns, aslant: bool, before: bool) -> tuple[Stage, Pose]:
    """A page or a picture; a picture never fills the view, or it would be what it shows."""
    random = patterns.random
    size = random.uniform(0.2, 1.6)
    wide, tall = size, size * random.uniform(0.6, 1.6)
    printed = random.random() < 0.6
    shown = (patterns.page if printed else patterns.poster)(wide, tall)
    thick = random.choice([0.002, 0.01, 0.05])
    axes = turned(0, 0, float(random.normal(0, 0.05)))
    solids: list[Solid] = [
        sheet((0, 0, 0), (30, 30), patterns.wall()),
        box((0, 0, -thick / 2), (wide, tall, thick), patterns.plain(0.1), axes),
        sheet((0, 0, -thick - 0.001), (wide, tall), shown, axes),
    ]
    for side in (-1, 1):
        if random.random() < 0.35:
            other = random.uniform(0.3, 1) * size
            place = (side * (wide + other) * 0.6, random.normal(0, 0.2) * size, -0.004)
            solids.append(sheet(place, (other, other), patterns.poster(other, other)))
    angle = random.uniform(35, 70)
    filled = random.uniform(0.6, 1.6) if printed else random.uniform(1.3, 2.5)
    away = max(wide, tall) / 2 / math.tan(math.radians(angle) / 2) * filled
    if aslant:
        turn, up = _slant(patterns)
    else:
        spread = 5.0 if before else 2.5
        turn, up = float(random.normal(0, spread)), float(random.normal(0, spread))
    if before:
        for _ in range(int(random.integers(1, 4))):
            solids += _before_it(patterns, away)
    eye = _before(away, turn, up)
    pose = Pose(eye, turn, up, float(random.normal(0, 4)), angle)
    return Stage(solids, _before_a_wall(patterns), 3.0, free_metres=0.3 * away), pose


def _before_a_wall(patterns: Patterns) -> Light:
    hall = ((-6.0, -6.0, -6.0), (6.0, 6.0, 0.0))
    return dataclasses.replace(indoors(patterns.random, hall), hall=None)


def overhead(patterns: Patterns) -> tuple[Stage, Pose]:
    """The floor and what is on it from above, 45 to 90 degrees down."""
    random = patterns.random
    shell = Shell(random.uniform(2, 6), random.uniform(2, 6), 3.0)
    solids = _walled(patterns, shell)
    solids += clutter(patterns, 2.0, 2.0, int(random.integers(2, 10)))
    makers = (chair, jumble, table, plant, person, jumble)
    for _ in range(int(random.integers(1, 5))):
        maker = makers[int(random.integers(len(makers)))]
        place = (random.uniform(-1.4, 1.4), 0.0, random.uniform(-1.4, 1.4))
        solids += moved(maker(patterns), place, random.uniform(-math.pi, math.pi))
    aim = (random.normal(0, 0.3), 0.0, random.normal(0, 0.3))
    pose = _towards(patterns, aim, random.uniform(1.4, 2.6), random.uniform(45, 90))
    return Stage(solids, indoors(random, shell.hall), 5.0, free_metres=0.5), pose


def _walled(patterns: Patterns, shell: Shell) -> list[Solid]:
    random = patterns.random
    solids, cover = bare(patterns, shell), patterns.wall()
    for length, place, turn in shell.sides():
        wall = sheet((0, shell.height / 2, 0), (length, shell.height), cover)
        solids += moved([dataclasses.replace(wall, casts=False)], place, turn)
        if random.random() < 0.5:
            piece = (cupboard, shelves)[int(random.integers(2))](patterns)
            solids += moved(piece, place, turn)
    return solids


def _towards(patterns: Patterns, aim: tuple[float, float, float], away: float, down: float) -> Pose:
    """A camera that looks at a place from a side, ``down`` degrees downwards."""
    random = patterns.random
    turn = random.uniform(-180, 180)
    x, y, z = _before(away, turn, -down)
    eye = (aim[0] + x, aim[1] + y, aim[2] + z)
    roll, angle = float(random.normal(0, 4)), random.uniform(40, 75)
    return Pose(eye, turn, -down + float(random.normal(0, 3)), roll, angle)


def _before(away: float, turn: float, up: float) -> tuple[float, float, float]:
    """Where a camera is that looks at 0, turned and tilted by degrees."""
    turn, up = math.radians(turn), math.radians(up)
    ahead = (math.sin(turn) * math.cos(up), math.sin(up), math.cos(turn) * math.cos(up))
    return -away * ahead[0], -away * ahead[1], -away * ahead[2]


def _slant(patterns: Patterns) -> tuple[float, float]:
    """So many degrees that a plane's depth shows, in any direction."""
    random = patterns.random
    by, way = random.uniform(22, 55), random.uniform(-math.pi, math.pi)
    return by * math.cos(way), by * math.sin(way)


def _before_it(patterns: Patterns, away: float) -> list[Solid]:
    """A thing of fitting size, a fifth to half of the way from the wall to the camera."""
    random = patterns.random
    maker = (jumble, small, plant, person)[int(random.integers(4))]
    thing = moved(maker(patterns), (0, 0, 0), random.uniform(-math.pi, math.pi))
    low, high = bounds(thing)
    wanted = random.uniform(0.15, 0.35) * away
    thing = scaled(thing, wanted / max(high[axis] - low[axis] for axis in range(3)))
    reach = random.uniform(0.2, 0.5) * away
    spread = away - reach
    place = (random.uniform(-0.4, 0.4) * spread, random.uniform(-0.5, 0.1) * spread, -reach)
    return moved(thing, place)
