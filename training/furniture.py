"""Furniture built of boxes. Each piece stands on 0, its back at z = 0, its front towards -z.

Every function takes a :class:`Patterns` for coverings and chance, and makes a list of solids; a
piece against a wall is as wide as ``bounds`` of its solids says.
"""

from __future__ import annotations

import dataclasses
import math

from training.coverings import Covering, fitted
from training.patterns import Patterns
from training.solids import Solid, box, cylinder, moved, sheet
from training.things import clutter, plant, small, standing_lamp


def against_wall(patterns: Patterns) -> list[Solid]:
    """Any piece that stands against a wall."""
    random = patterns.random
    chances = (
        (0.2, cupboard),
        (0.2, shelves),
        (0.12, sofa),
        (0.1, bed),
        (0.14, desk),
        (0.08, kitchen),
        (0.06, radiator),
        (0.1, _in_a_corner),
    )
    chosen = random.choice(len(chances), p=[share for share, _ in chances])
    return chances[int(chosen)][1](patterns)


def table(patterns: Patterns, *, things: int = 4) -> list[Solid]:
    """A top on legs or on one foot, around 0, with things on it."""
    random, wood = patterns.random, _material(patterns)
    width, depth = random.uniform(0.6, 2.0), random.uniform(0.5, 1.0)
    height = 0.42 if random.random() < 0.25 else random.uniform(0.7, 0.78)
    thick = random.uniform(0.02, 0.05)
    top = box((0, height - thick / 2, 0), (width, thick, depth), wood)
    if random.random() < 0.15:
        top = cylinder((0, height - thick / 2, 0), depth, thick, wood)
        legs = [cylinder((0, height / 2, 0), 0.07, height, wood)]
    else:
        legs = _legs(width - 0.08, depth - 0.08, height - thick, random.uniform(0.03, 0.08), wood)
    on_it = moved(clutter(patterns, width * 0.8, depth * 0.7, things), (0, height, 0))
    return [top, *legs, *on_it]


def chair(patterns: Patterns) -> list[Solid]:
    """A seat on four legs with a back of bars or a board, around 0."""
    random, wood = patterns.random, _material(patterns)
    width, seat, back = (
        random.uniform(0.38, 0.5),
        random.uniform(0.43, 0.5),
        random.uniform(0.35, 0.6),
    )
    leg = random.uniform(0.02, 0.045)
    cushion = patterns.any() if random.random() < 0.5 else wood
    solids = [box((0, seat - 0.02, 0), (width, 0.04, width), cushion)]
    solids += _legs(width - leg, width - leg, seat - 0.04, leg, wood)
    rear = width / 2 - leg / 2
    for x in (-rear, rear):
        solids.append(box((x, seat + back / 2, rear), (leg, back, leg), wood))
    if random.random() < 0.5:
        solids.append(box((0, seat + back * 0.7, rear), (width, back * 0.6, 0.025), cushion))
    else:
        bars = int(random.integers(2, 5))
        for bar in range(bars):
            y = seat + back * (bar + 1) / bars - 0.03
            solids.append(box((0, y, rear), (width - leg, 0.04, 0.02), wood))
    return solids


def dining(patterns: Patterns) -> list[Solid]:
    """A table with chairs around it."""
    random = patterns.random
    solids = table(patterns, things=int(random.integers(0, 6)))
    half = solids[0].half
    for turn, reach in ((0.0, half[2]), (math.pi, half[2]), (1.57, half[0]), (-1.57, half[0])):
        if random.random() < 0.65:
            away = reach + random.uniform(-0.05, 0.35)
            place = (math.sin(turn) * away, 0.0, math.cos(turn) * away)
            solids += moved(chair(patterns), place, turn + random.normal(0, 0.25))
    return solids


def cupboard(patterns: Patterns) -> list[Solid]:
    """A box with doors or drawers and handles; things on a low one."""
    random, wood = patterns.random, _material(patterns)
    width, depth = random.uniform(0.5, 1.8), random.uniform(0.35, 0.65)
    height = random.uniform(0.5, 1.0) if random.random() < 0.5 else random.uniform(1.6, 2.2)
    solids = [box((0, height / 2, -depth / 2), (width, height, depth), wood)]
    columns, rows = max(1, round(width / 0.5)), 1 if height > 1.2 else int(random.integers(1, 5))
    front, metal = _shaded(wood, 0.92), patterns.plain(0.1)
    for column in range(columns):
        for row in range(rows):
            x = (column + 0.5) / columns * width - width / 2
            y = (row + 0.5) / rows * height
            size = (width / columns - 0.02, height / rows - 0.02, 0.018)
            solids.append(box((x, y, -depth - 0.009), size, front))
            handle = (x, y, -depth - 0.03)
            solids.append(box(handle, (0.1 if rows > 1 else 0.02, 0.02, 0.02), metal))
    if height < 1.2:
        on_it = clutter(patterns, width * 0.8, depth * 0.5, int(random.integers(0, 4)))
        solids += moved(on_it, (0, height, -depth / 2))
    return solids


def shelves(patterns: Patterns) -> list[Solid]:
    """Boards between two sides, with books and things on them."""
    random, wood = patterns.random, _material(patterns)
    width, height, depth = (
        random.uniform(0.5, 1.4),
        random.uniform(0.8, 2.2),
        random.uniform(0.25, 0.4),
    )
    boards = max(2, round(height / random.uniform(0.3, 0.5)))
    solids = [
        box((x, height / 2, -depth / 2), (0.025, height, depth), wood)
        for x in (-width / 2, width / 2)
    ]
    if random.random() < 0.6:
        solids.append(box((0, height / 2, -0.01), (width, height, 0.015), _shaded(wood, 0.8)))
    for board in range(boards + 1):
        y = board / boards * (height - 0.03) + 0.015
        solids.append(box((0, y, -depth / 2), (width, 0.025, depth), wood))
        if board == boards:
            continue
        space = height / boards - 0.05
        if random.random() < 0.55:
            solids += moved(_row_of_books(patterns, width - 0.1, depth, space), (0, y + 0.012, 0))
        else:
            for _ in range(int(random.integers(0, 3))):
                x = random.uniform(-0.35, 0.35) * width
                solids += moved(small(patterns), (x, y + 0.012, -depth * 0.55))
    return solids


def sofa(patterns: Patterns) -> list[Solid]:
    """A seat, a back, two arms, cushions."""
    random, cloth = patterns.random, patterns.any()
    width, depth = random.uniform(0.8, 2.3), random.uniform(0.75, 1.0)
    seat, back, arm = (
        random.uniform(0.38, 0.46),
        random.uniform(0.7, 0.95),
        random.uniform(0.12, 0.25),
    )
    solids = [
        box((0, seat / 2 + 0.04, -depth / 2), (width, seat - 0.08, depth), cloth),
        box((0, back / 2, -0.12), (width, back, 0.22), cloth),
    ]
    ends = (-width / 2, width / 2)
    solids += [box((x, 0.32, -depth / 2), (arm, 0.6, depth), cloth) for x in ends]
    count = max(1, round(width / 0.75))
    for place in range(count):
        x = (place + 0.5) / count * (width - arm) - (width - arm) / 2
        size = ((width - arm) / count - 0.02, 0.12, depth - 0.25)
        solids.append(box((x, seat + 0.05, -depth / 2 - 0.1), size, _shaded(cloth, 1.05)))
    for _ in range(int(random.integers(0, 4))):
        x = random.uniform(-0.4, 0.4) * width
        cushion = box((0, 0, 0), (0.42, 0.42, 0.13), patterns.any())
        solids += moved([cushion], (x, seat + 0.3, -0.33), random.normal(0, 0.4))
    return solids


def bed(patterns: Patterns) -> list[Solid]:
    """A frame, a mattress, a blanket and pillows; its head is at the wall."""
    random, wood = patterns.random, _material(patterns)
    width, length, high = (
        random.uniform(0.9, 1.8),
        random.uniform(1.9, 2.1),
        random.uniform(0.35, 0.6),
    )
    sheet_cover, blanket = patterns.plain(0.1), patterns.any()
    solids = [
        box((0, high * 0.3, -length / 2), (width + 0.06, high * 0.5, length + 0.04), wood),
        box((0, high * 0.75, -length / 2), (width, high * 0.5, length), sheet_cover),
        box((0, high * 0.78, -length * 0.66), (width + 0.04, high * 0.52, length * 0.7), blanket),
        box((0, 0.5, -0.02), (width + 0.08, random.uniform(0.7, 1.2), 0.05), wood),
    ]
    pillows = (-0.25, 0.25) if width > 1.3 else (0.0,)
    size = (0.6, 0.14, 0.4)
    return solids + [box((x * width, high + 0.07, -0.3), size, sheet_cover) for x in pillows]


def desk(patterns: Patterns) -> list[Solid]:
    """A table at the wall with a screen, things and a chair."""
    random = patterns.random
    top = table(patterns, things=3)
    height = top[0].centre[1] + top[0].half[1]
    depth = top[0].half[2]
    solids = moved(top, (0, 0, -depth))
    solids += moved(screen(patterns), (random.uniform(-0.2, 0.2), height, -0.2))
    if random.random() < 0.7:
        solids += moved(chair(patterns), (0, 0, -2 * depth - 0.1), math.pi + random.normal(0, 0.5))
    return solids


def screen(patterns: Patterns) -> list[Solid]:
    """A flat screen on a foot; what it shows is flat."""
    random, plastic = patterns.random, patterns.plain(0.05)
    width = random.uniform(0.35, 1.2)
    height = width * random.uniform(0.52, 0.65)
    foot = random.uniform(0.04, 0.15)
    show = patterns.poster if random.random() < 0.6 else patterns.page
    front = dataclasses.replace(show(width, height), glow=random.uniform(0.3, 1))
    return [
        box((0, 0.01, 0), (0.25, 0.02, 0.18), plastic),
        box((0, foot / 2 + 0.05, 0.03), (0.05, foot + 0.1, 0.03), plastic),
        box((0, foot + height / 2, 0.0), (width + 0.03, height + 0.03, 0.03), plastic),
        sheet((0, foot + height / 2, -0.017), (width, height), front),
    ]


def kitchen(patterns: Patterns) -> list[Solid]:
    """Low cupboards with a worktop, hanging ones above, things between."""
    random, front = patterns.random, _material(patterns)
    width = random.uniform(1.2, 3.0)
    count = round(width / 0.6)
    solids = [
        box((0, 0.44, -0.3), (width, 0.88, 0.6), front),
        box((0, 0.9, -0.31), (width, 0.04, 0.64), patterns.any()),
        box((0, 1.8, -0.17), (width, 0.7, 0.34), front),
    ]
    metal = patterns.plain(0.1)
    for place in range(count):
        x = (place + 0.5) / count * width - width / 2
        for y, high, z in ((0.45, 0.82, -0.608), (1.8, 0.68, -0.348)):
            door = box((x, y, z), (width / count - 0.015, high, 0.016), _shaded(front, 0.95))
            solids += [door, box((x, y + high * 0.3, z - 0.02), (0.12, 0.015, 0.02), metal)]
    on_it = clutter(patterns, width * 0.9, 0.35, int(random.integers(1, 6)))
    return solids + moved(on_it, (0, 0.92, -0.3))


def radiator(patterns: Patterns) -> list[Solid]:
    """Ribs side by side."""
    random, white = patterns.random, patterns.plain(0.02)
    count = int(random.integers(6, 16))
    return [
        box(((rib - count / 2) * 0.065, 0.42, -0.09), (0.05, 0.6, 0.1), white)
        for rib in range(count)
    ]


def _in_a_corner(patterns: Patterns) -> list[Solid]:
    maker = plant if patterns.random.random() < 0.6 else standing_lamp
    return moved(maker(patterns), (0, 0, -0.4))


def _row_of_books(patterns: Patterns, width: float, depth: float, space: float) -> list[Solid]:
    random, solids = patterns.random, []
    covers = [patterns.any() for _ in range(4)]
    x, end = -width / 2, random.uniform(0, width / 2)
    while x < end:
        thick, high = random.uniform(0.02, 0.06), space * random.uniform(0.5, 0.95)
        deep = depth * random.uniform(0.5, 0.85)
        cover = covers[int(random.integers(len(covers)))]
        middle = (x + thick / 2, high / 2, -depth * 0.1 - deep / 2)
        solids.append(box(middle, (thick * 0.96, high, deep), cover))
        x += thick
    return solids


def _legs(width: float, depth: float, height: float, leg: float, cover: Covering) -> list[Solid]:
    return [
        box((x * width, height / 2, z * depth), (leg, height, leg), cover)
        for x in (-0.5, 0.5)
        for z in (-0.5, 0.5)
    ]


def _material(patterns: Patterns) -> Covering:
    random = patterns.random.random()
    if random < 0.55:
        return patterns.wood()
    return patterns.plain(0.15) if random < 0.85 else patterns.any()


def _shaded(cover: Covering, share: float) -> Covering:
    picture = (cover.picture * min(share, 1.0)).astype(cover.picture.dtype)
    return fitted(picture, *cover.metres)
