"""Rooms, seen from inside: floor, ceiling, four walls with their doors and windows, furniture."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from training.cameras import Pose
from training.furniture import chair, dining, table
from training.lights import indoors
from training.patterns import Patterns
from training.render import Stage
from training.solids import Place, Solid, bounds, box, cylinder, floor, moved, rod, sheet, turned
from training.things import clutter, jumble, person, plant
from training.walls import wall_of

_CLEARANCE = 0.3
_TRIES = 12


@dataclass(frozen=True)
class Shell:
    """A room around 0, its floor at y = 0."""

    width: float
    depth: float
    height: float

    @property
    def hall(self) -> tuple[Place, Place]:
        """Its lowest and highest x, y and z."""
        x, z = self.width / 2, self.depth / 2
        return (-x, 0.0, -z), (x, self.height, z)

    def sides(self) -> list[tuple[float, Place, float]]:
        """Of each wall: its length, its place, and its turn."""
        x, z = self.width / 2, self.depth / 2
        return [
            (self.width, (0, 0, z), 0.0),
            (self.depth, (x, 0, 0), math.pi / 2),
            (self.width, (0, 0, -z), math.pi),
            (self.depth, (-x, 0, 0), -math.pi / 2),
        ]


def room(patterns: Patterns) -> tuple[Stage, Pose]:
    """A room or a corridor with furniture, and a camera anywhere in it."""
    random = patterns.random
    if random.random() < 0.12:
        shell = Shell(random.uniform(1.2, 2.2), random.uniform(5, 16), random.uniform(2.3, 3.2))
    else:
        shell = Shell(random.uniform(2.4, 7), random.uniform(2.8, 8), random.uniform(2.3, 3.4))
    solids, pieces = furnished(patterns, shell, full=random.uniform(0.3, 1.0))
    pose = _inside(patterns, shell, pieces)
    return Stage(solids, indoors(random, shell.hall), max(shell.width, shell.depth) + 1), pose


def furnished(
    patterns: Patterns, shell: Shell, full: float
) -> tuple[list[Solid], list[list[Solid]]]:
    """All solids of a room, and again those of each piece of furniture; ``full`` is 0..1."""
    random = patterns.random
    solids = bare(patterns, shell)
    pieces: list[list[Solid]] = []
    cover = patterns.wall()
    for length, place, turn in shell.sides():
        own = cover if random.random() < 0.8 else patterns.wall()
        wall = wall_of(patterns, length, shell.height, own, full)
        solids += moved(wall.solids, place, turn)
        pieces += [moved(piece, place, turn) for piece in wall.furniture]
    pieces += _in_the_middle(patterns, shell, full)
    return solids + [solid for piece in pieces for solid in piece], pieces


def bare(patterns: Patterns, shell: Shell) -> list[Solid]:
    """The floor and the ceiling with its lamps and beams."""
    random = patterns.random
    size = (shell.width, shell.depth)
    white = patterns.plain(0.02) if random.random() < 0.8 else patterns.wall()
    top = shell.height
    above = sheet((0, top, 0), size, white, turned(0, -math.pi / 2))
    solids = [floor((0, 0, 0), size, patterns.floor()), dataclasses.replace(above, casts=False)]
    kind = random.random()
    if kind < 0.4:
        x, z = (random.uniform(-0.2, 0.2) * side for side in size)
        low = top - random.uniform(0.1, 0.9)
        solids.append(rod((x, top, z), (x, low, z), 0.015, patterns.dark()))
        width = random.uniform(0.2, 0.6)
        solids.append(cylinder((x, low, z), width, random.uniform(0.1, 0.35), patterns.lamp()))
    elif kind < 0.6:
        count = int(random.integers(2, 5))
        for number in range(count):
            z = ((number + 0.5) / count - 0.5) * shell.depth
            solids.append(box((0, top, z), (1.2, 0.06, 0.3), patterns.lamp()))
    elif kind < 0.75:
        wood = patterns.wood()
        for z in np.arange(-shell.depth / 2 + 0.4, shell.depth / 2, random.uniform(0.7, 1.5)):
            beam = box((0, top - 0.08, float(z)), (shell.width, 0.16, 0.14), wood)
            solids.append(dataclasses.replace(beam, casts=False))
    return solids


def tilt(patterns: Patterns, usual: float = -6.0) -> float:
    """How far a camera looks up, in degrees: mostly ahead, at times anywhere from -55 to 40."""
    random = patterns.random
    if random.random() < 0.6:
        return float(random.normal(usual, 9))
    return random.uniform(-55, 40)


def _in_the_middle(patterns: Patterns, shell: Shell, full: float) -> list[list[Solid]]:
    """Tables, people, plants and other things that stand free, and a rug."""
    random = patterns.random
    pieces: list[list[Solid]] = []
    if random.random() < 0.35:
        size = (shell.width * random.uniform(0.3, 0.7), shell.depth * random.uniform(0.3, 0.7))
        pieces.append([floor((0, 0.008, 0), size, patterns.any())])
    narrow = min(shell.width, shell.depth) < 2.3
    makers = [chair, person, plant, jumble] if narrow else [dining, table, chair, person, plant]
    if random.random() < 0.2:
        makers.append(jumble)
    for _ in range(1 + int(random.random() < full) + int(random.random() < full / 2)):
        piece = makers[int(random.integers(len(makers)))](patterns)
        x, z = (random.uniform(-0.3, 0.3) * side for side in (shell.width, shell.depth))
        pieces.append(moved(piece, (x, 0, z), random.uniform(-math.pi, math.pi)))
    if random.random() < 0.25:
        toys = clutter(patterns, shell.width * 0.7, shell.depth * 0.7, int(random.integers(2, 8)))
        pieces.append(toys)
    return pieces


def _inside(patterns: Patterns, shell: Shell, pieces: list[list[Solid]]) -> Pose:
    """A camera that stands free of the furniture and looks across the room."""
    random = patterns.random
    boxes = [bounds(piece) for piece in pieces if len(piece) > 1]
    best, widest = (0.0, 1.5, 0.0), -math.inf
    for _ in range(_TRIES):
        height = random.uniform(0.3, 2.2) if random.random() < 0.5 else random.uniform(1.1, 1.7)
        x, z = (random.uniform(-0.5, 0.5) * (side - 0.5) for side in (shell.width, shell.depth))
        eye = (x, min(height, shell.height - 0.15), z)
        free = min((_away(eye, *ends) for ends in boxes), default=1.0)
        # As people do, from near a wall.
        score = min(free, _CLEARANCE) + 0.02 * math.hypot(x, z) + 0.05 * random.random()
        if score > widest:
            best, widest = eye, score
    aim = [random.uniform(-0.3, 0.3) * side for side in (shell.width, shell.depth)]
    turn = math.degrees(math.atan2(aim[0] - best[0], aim[1] - best[2])) + random.normal(0, 15)
    angle = random.uniform(50, 85)
    return Pose(best, float(turn), tilt(patterns), float(random.normal(0, 3)), angle)


def _away(eye: Place, low: Place, high: Place) -> float:
    """From a place to a box: 0 within."""
    gaps = [max(low[axis] - eye[axis], eye[axis] - high[axis], 0.0) for axis in range(3)]
    return math.hypot(*gaps)
