"""Things that stand on something: small ones, plants, lamps, people. Each stands on 0, around 0.

Every function takes a :class:`Patterns` for coverings and chance, and makes a list of solids.
"""

from __future__ import annotations

import dataclasses
import math

from training.coverings import silhouette
from training.patterns import Patterns
from training.solids import Solid, ball, box, cylinder, moved, rod, scaled, sheet, turned


def small(patterns: Patterns) -> list[Solid]:
    """What lies on a table or a shelf: at most 0.4 m."""
    random = patterns.random
    makers = (_packet, _packet, _bottle, _books, _books, _fruit, _cup, _bowl, _stood_picture, _jar)
    solids = makers[int(random.integers(len(makers)))](patterns)
    return moved(solids, (0, 0, 0), random.uniform(-math.pi, math.pi))


def clutter(patterns: Patterns, width: float, depth: float, count: int) -> list[Solid]:
    """Small things scattered over an area around 0."""
    random = patterns.random
    return [
        solid
        for _ in range(count)
        for solid in moved(
            small(patterns),
            (random.uniform(-0.5, 0.5) * width, 0, random.uniform(-0.5, 0.5) * depth),
        )
    ]


def plant(patterns: Patterns) -> list[Solid]:
    """A pot with leaves, 0.3 to 1.8 m high."""
    random = patterns.random
    height = random.uniform(0.3, 1.8)
    width = random.uniform(0.12, 0.35)
    pot = width * random.uniform(0.8, 1.2)
    solids = [cylinder((0, pot / 2, 0), width, pot, patterns.plain())]
    leaves = patterns.leaves()
    for _ in range(int(random.integers(5, 14))):
        turn, out = random.uniform(-math.pi, math.pi), random.uniform(0.1, 0.45) * height
        top = (math.sin(turn) * out, pot + random.uniform(0.2, 1) * (height - pot * 0.8), 0.0)
        top = (top[0], top[1], math.cos(turn) * out)
        solids.append(rod((0, pot, 0), top, 0.012, leaves))
        side = random.uniform(0.12, 0.3) * height
        axes = turned(turn, random.uniform(-1, 1), random.uniform(-0.5, 0.5))
        solids.append(sheet(top, (side, side), leaves, axes, silhouette(random)))
    return solids


def standing_lamp(patterns: Patterns) -> list[Solid]:
    """A foot, a pole and a shade."""
    random = patterns.random
    height, width = random.uniform(1.2, 1.8), random.uniform(0.2, 0.5)
    metal = patterns.plain(0.1)
    shade = dataclasses.replace(patterns.plain(0.2), glow=random.uniform(0, 1))
    return [
        cylinder((0, 0.01, 0), width * 0.8, 0.02, metal),
        cylinder((0, height / 2, 0), 0.025, height, metal),
        cylinder((0, height, 0), width, width * random.uniform(0.5, 1), shade),
    ]


def person(patterns: Patterns, seated: bool = False) -> list[Solid]:
    """Of balls and rods, 1.1 to 1.95 m tall, standing, walking or sat on 0.45 m."""
    random = patterns.random
    size = random.uniform(1.1, 1.95) / 1.75
    skin = patterns.skin()
    shirt, trousers, shoes = patterns.any(), patterns.plain(0.2), patterns.plain(0.1)
    hip = 0.5 if seated else 0.9
    solids = [
        ball((0, hip + 0.33, 0), (0.42, 0.72, 0.26), shirt),
        ball((0, hip, 0), (0.36, 0.3, 0.27), trousers),
        cylinder((0, hip + 0.66, 0), 0.11, 0.12, skin),
        ball((0, hip + 0.78, 0), (0.17, 0.24, 0.2), skin),
        ball((0, hip + 0.83, 0.02), (0.19, 0.2, 0.21), patterns.plain(0.05)),
    ]
    stride = random.uniform(-0.35, 0.35)
    for side in (-1, 1):
        knee = (side * 0.12, 0.48, -0.45 if seated else side * stride / 2 - 0.03)
        foot = (side * 0.13, 0.06, -0.45 if seated else side * stride)
        solids += [
            rod((side * 0.1, hip, 0), knee, 0.15, trousers),
            ball(knee, (0.14, 0.14, 0.14), trousers),
            rod(knee, foot, 0.11, trousers),
            ball((foot[0], 0.05, foot[2] - 0.06), (0.1, 0.1, 0.27), shoes),
        ]
        shoulder = (side * 0.21, hip + 0.56, 0.0)
        raised = random.random() < 0.2
        elbow = (side * random.uniform(0.24, 0.4), hip + (0.5 if raised else 0.28), -0.05)
        reach = random.uniform(-0.35, 0.1)
        hand = (side * random.uniform(0.15, 0.4), hip + (0.8 if raised else 0.08), reach)
        solids += [
            ball(shoulder, (0.14, 0.14, 0.14), shirt),
            rod(shoulder, elbow, 0.1, shirt),
            rod(elbow, hand, 0.075, shirt if random.random() < 0.5 else skin),
            ball(hand, (0.09, 0.11, 0.06), skin),
        ]
    return scaled(solids, size)


def jumble(patterns: Patterns) -> list[Solid]:
    """Any solid, 0.15 to 1.5 m, at times in the air."""
    random = patterns.random
    size = [random.uniform(0.15, 1.1) for _ in range(3)]
    lift = random.uniform(0.1, 1.0) if random.random() < 0.15 else 0.0
    cover, turn = patterns.any(), random.uniform(-math.pi, math.pi)
    axes = turned(turn)
    middle = (0.0, lift + size[1] / 2, 0.0)
    kind = random.random()
    if kind < 0.35:
        return [box(middle, (size[0], size[1], size[2]), cover, axes)]
    if kind < 0.5:
        return [ball((0, lift + size[0] / 2, 0), (size[0], size[0], size[0]), cover)]
    if kind < 0.65:
        return [cylinder(middle, size[0], size[1], cover)]
    if kind < 0.9:
        high = size[1] * 1.5
        outline = silhouette(random)
        return [sheet((0, lift + high / 2, 0), (size[0], high), cover, axes, outline)]
    return [rod((-size[0], 0, 0), (size[0], size[1] * 1.5, size[2]), 0.04, cover)]


def _packet(patterns: Patterns) -> list[Solid]:
    x, y, z = (patterns.random.uniform(0.04, 0.3) for _ in range(3))
    return [box((0, y / 2, 0), (x, y, z), patterns.any())]


def _bottle(patterns: Patterns) -> list[Solid]:
    random, glass = patterns.random, patterns.plain(0.5)
    width, height = random.uniform(0.05, 0.1), random.uniform(0.12, 0.25)
    neck = random.uniform(0.3, 0.6) * width
    solids = [
        cylinder((0, height / 2, 0), width, height, glass),
        ball((0, height, 0), (width, width * 0.7, width), glass),
        cylinder((0, height * 1.25, 0), neck, height * 0.5, glass),
    ]
    if random.random() < 0.5:
        label = cylinder((0, height * 0.45, 0), width + 0.002, height * 0.4, patterns.any())
        solids.append(label)
    return solids


def _books(patterns: Patterns) -> list[Solid]:
    random = patterns.random
    solids, top = [], 0.0
    for _ in range(int(random.integers(1, 6))):
        thick = random.uniform(0.01, 0.05)
        size = (random.uniform(0.13, 0.22), thick, random.uniform(0.18, 0.3))
        axes = turned(random.normal(0, 0.2))
        solids.append(box((0, top + thick / 2, 0), size, patterns.any(), axes))
        top += thick
    return solids


def _fruit(patterns: Patterns) -> list[Solid]:
    random, solids = patterns.random, []
    peel = patterns.plain(0.9)
    for _ in range(int(random.integers(1, 5))):
        wide, high = random.uniform(0.05, 0.11), random.uniform(0.05, 0.11)
        place = (random.uniform(-0.09, 0.09), high / 2, random.uniform(-0.09, 0.09))
        solids.append(ball(place, (wide, high, wide), peel))
    return solids


def _cup(patterns: Patterns) -> list[Solid]:
    random, china = patterns.random, patterns.plain(0.4)
    width, height = random.uniform(0.06, 0.1), random.uniform(0.06, 0.13)
    drink = cylinder((0, height, 0), width * 0.85, 0.002, patterns.plain(0.2))
    handle = [
        rod((width * 0.45, height * share, 0), (width * 0.8, height * 0.5, 0), 0.012, china)
        for share in (0.2, 0.8)
    ]
    return [cylinder((0, height / 2, 0), width, height, china), drink, *handle]


def _bowl(patterns: Patterns) -> list[Solid]:
    random, china = patterns.random, patterns.plain(0.3)
    width, height = random.uniform(0.15, 0.3), random.uniform(0.02, 0.09)
    fruit = moved(_fruit(patterns), (0, height * 0.6, 0)) if random.random() < 0.6 else []
    foot = cylinder((0, height / 4, 0), width * 0.6, height / 2, china)
    return [foot, cylinder((0, height * 0.75, 0), width, height / 2, china), *fruit]


def _jar(patterns: Patterns) -> list[Solid]:
    random = patterns.random
    width, height = random.uniform(0.05, 0.2), random.uniform(0.06, 0.3)
    lid = cylinder((0, height + 0.01, 0), width * 1.04, 0.02, patterns.plain())
    return [cylinder((0, height / 2, 0), width, height, patterns.any()), lid]


def _stood_picture(patterns: Patterns) -> list[Solid]:
    random = patterns.random
    width, height = random.uniform(0.1, 0.3), random.uniform(0.1, 0.3)
    axes = turned(0.0, -0.15)
    frame = box(
        (0, height / 2, 0.006), (width + 0.03, height + 0.03, 0.015), patterns.plain(), axes
    )
    front = sheet((0, height / 2, -0.004), (width, height), patterns.poster(width, height), axes)
    return [frame, front]
