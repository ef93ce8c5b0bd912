"""Walls of rooms: their doors and windows, what is seen through them, what hangs and stands there.

A wall goes along x around 0, from y = 0 upwards; its room is on the side of -z.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from training.coverings import Covering
from training.furniture import against_wall
from training.patterns import Patterns
from training.scenery import house, tree
from training.solids import Solid, bounds, box, cylinder, floor, moved, sheet, turned

_CELL = 0.02


@dataclass
class Wall:
    """Along x, its inside towards -z: what is on it and before it, and where it is open.

    ``taken`` are the stretches of x that furniture leaves free.
    """

    length: float
    height: float
    solids: list[Solid] = field(default_factory=list)
    holes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Left, right, bottom and top."""
    taken: list[tuple[float, float]] = field(default_factory=list)
    furniture: list[list[Solid]] = field(default_factory=list)


def wall_of(patterns: Patterns, length: float, height: float, cover: Covering, full: float) -> Wall:
    """A wall with what is on it; ``full`` (0..1) of furniture."""
    wall = Wall(length, height)
    _open(patterns, wall)
    _furnish(patterns, wall, full)
    _decorate(patterns, wall)
    wall.solids.append(_built(wall, cover))
    return wall


def _open(patterns: Patterns, wall: Wall) -> None:
    """Give a wall a door or windows."""
    random = patterns.random
    kind = random.random()
    if kind < 0.3:
        x = random.uniform(-0.5, 0.5) * max(0.0, wall.length - 1.2)
        wall.taken.append((x - 0.6, x + 0.6))
        _add_door(patterns, wall, x, opened=random.random() < 0.45)
    elif kind < 0.65 and wall.length > 1.6:
        count = int(random.integers(1, max(2, int(wall.length / 1.6))))
        wide = min(random.uniform(0.7, 2.2), wall.length / count - 0.4)
        low, high = random.choice([0.1, 0.8, 0.9, 1.0]), wall.height - random.uniform(0.2, 0.6)
        for number in range(count):
            x = ((number + 0.5) / count - 0.5) * wall.length
            _add_window(patterns, wall, x, wide, (float(low), high))
        wall.solids += _outside(patterns)


def _add_door(patterns: Patterns, wall: Wall, x: float, *, opened: bool) -> None:
    random = patterns.random
    frame, leaf = patterns.plain(0.05), patterns.wood()
    wide, high = random.uniform(0.75, 1.0), min(2.05, wall.height - 0.1)
    for aside in (-1, 1):
        post = (x + aside * (wide / 2 + 0.04), high / 2, 0.0)
        wall.solids.append(box(post, (0.08, high, 0.16), frame))
    wall.solids.append(box((x, high + 0.03, 0), (wide + 0.16, 0.08, 0.16), frame))
    door = [
        box((wide / 2, high / 2, 0.0), (wide, high - 0.01, 0.04), leaf),
        box((wide - 0.08, 1.0, 0), (0.12, 0.02, 0.14), patterns.plain(0.1)),
    ]
    if not opened:
        wall.solids += moved(door, (x - wide / 2, 0, 0))
        return
    swing = random.uniform(0.3, 1.6) * random.choice([-1, 1])
    wall.solids += moved(door, (x - wide / 2, 0, 0), float(swing))
    wall.holes.append((x - wide / 2, x + wide / 2, 0.0, high))
    beyond, cover = random.uniform(1.0, 4.0), patterns.wall()
    wall.solids += [
        sheet((x, 1.5, beyond), (5, 3), cover),
        sheet((x - 2.5, 1.5, beyond / 2), (beyond, 3), cover, turned(-math.pi / 2)),
        sheet((x + 2.5, 1.5, beyond / 2), (beyond, 3), cover, turned(math.pi / 2)),
        floor((x, -0.001, beyond / 2), (5, beyond), patterns.floor()),
        sheet((x, 2.9, beyond / 2), (5, beyond), cover, turned(0, -math.pi / 2)),
    ]
    if random.random() < 0.5:
        wall.solids += moved(against_wall(patterns), (x, 0, beyond))


def _add_window(
    patterns: Patterns, wall: Wall, x: float, wide: float, heights: tuple[float, float]
) -> None:
    random, frame = patterns.random, patterns.plain(0.03)
    low, high = heights
    middle, tall = (low + high) / 2, high - low
    wall.holes.append((x - wide / 2, x + wide / 2, low, high))
    if low < 0.5:
        wall.taken.append((x - wide / 2, x + wide / 2))
    bar = random.uniform(0.03, 0.08)
    for aside in np.linspace(-0.5, 0.5, int(random.integers(2, 4))):
        post = (x + float(aside) * wide, middle, 0.03)
        wall.solids.append(box(post, (bar, tall, 0.1), frame))
    for up in np.linspace(low, high, int(random.integers(2, 4))):
        wall.solids.append(box((x, float(up), 0.03), (wide, bar, 0.1), frame))
    wall.solids.append(box((x, low - 0.02, -0.08), (wide + 0.2, 0.04, 0.2), frame))
    if random.random() < 0.4:
        cloth = patterns.any()
        for aside in (-1, 1):
            for fold in range(4):
                place = (x + aside * (wide / 2 + 0.1 - fold * 0.09), middle, -0.12)
                drop = min(tall + 0.4, 2 * middle - 0.1)
                wall.solids.append(cylinder(place, 0.1, drop, cloth))


def _outside(patterns: Patterns) -> list[Solid]:
    """What a window looks out on: ground, houses and trees, from 5 to 50 m away."""
    random = patterns.random
    below = random.uniform(0.2, 8)
    solids = [floor((0, -below, 60), (160, 119), patterns.ground())]
    for _ in range(int(random.integers(0, 4))):
        place = (random.uniform(-20, 20), -below, random.uniform(9, 45))
        solids += moved(house(patterns, 9, random.uniform(5, 18), 8), place, random.normal(0, 0.3))
    for _ in range(int(random.integers(0, 4))):
        solids += moved(tree(patterns), (random.uniform(-9, 9), -below, random.uniform(5, 25)))
    return solids


def _furnish(patterns: Patterns, wall: Wall, full: float) -> None:
    """Stand furniture along a wall, from its left to its right."""
    random = patterns.random
    x, end = -wall.length / 2 + random.uniform(0.05, 0.7), wall.length / 2 - 0.1
    while x < end - 0.3:
        if random.random() > full or wall.length < 2.3:
            x += random.uniform(0.4, 1.2)
            continue
        piece = against_wall(patterns)
        low, high = bounds(piece)
        right = x + high[0] - low[0]
        blocked = [stop for start, stop in wall.taken if x < stop and right > start]
        if blocked:
            x = max(blocked)
        elif right > end:
            break
        else:
            wall.furniture.append(moved(piece, (x - low[0], 0, -0.01)))
            x = right + random.uniform(0.02, 0.6)


def _decorate(patterns: Patterns, wall: Wall) -> None:
    """Hang pictures, which are flat, and fix a skirting board."""
    random = patterns.random
    if random.random() < 0.6:
        skirting = box((0, 0.05, 0), (wall.length, 0.1, 0.03), patterns.plain(0.02))
        if not any(bottom < 0.1 for _, _, bottom, _ in wall.holes):
            wall.solids.append(skirting)
    for _ in range(int(random.integers(0, 4))):
        wide, tall = random.uniform(0.2, 1.3), random.uniform(0.2, 1.0)
        x = random.uniform(-0.5, 0.5) * max(0.0, wall.length - wide)
        y = random.uniform(1.2, max(1.3, wall.height - 0.6))
        overlaps = any(
            left < x + wide / 2 + 0.1 and right > x - wide / 2 - 0.1
            for left, right, *_ in [*wall.holes, *((*ends, 0, 0) for ends in wall.taken)]
        )
        if overlaps:
            continue
        if random.random() < 0.7:
            frame = box((x, y, 0), (wide + 0.06, tall + 0.06, 0.04), patterns.any())
            wall.solids.append(frame)
        show = patterns.page if random.random() < 0.2 else patterns.poster
        wall.solids.append(sheet((x, y, -0.022), (wide, tall), show(wide, tall)))


def _built(wall: Wall, cover: Covering) -> Solid:
    """The wall itself, open where its holes are."""
    outline = None
    if wall.holes:
        rows, columns = round(wall.height / _CELL), round(wall.length / _CELL)
        outline = np.ones((rows, columns), bool)
        for left, right, bottom, top in wall.holes:
            from_left, from_right = (
                round((x / wall.length + 0.5) * columns) for x in (left, right)
            )
            high, low = (round((1 - y / wall.height) * rows) for y in (top, bottom))
            outline[high:low, from_left:from_right] = False
    size = (wall.length, wall.height)
    whole = sheet((0, wall.height / 2, 0), size, cover, None, outline)
    # Walls let light in: a room would be dark.
    return dataclasses.replace(whole, casts=False)
