"""What stands outdoors: houses, cars, trees, poles, fences. Each stands on 0, around 0.

Every function takes a :class:`Patterns` for coverings and chance, and makes a list of solids.
"""

from __future__ import annotations

import math

from training.coverings import silhouette
from training.patterns import Patterns
from training.solids import Solid, ball, box, cylinder, rod, sheet, turned


def house(patterns: Patterns, width: float, height: float, depth: float) -> list[Solid]:
    """A block whose front is at z = 0, towards -z, with a base, balconies, awnings and a door."""
    random = patterns.random
    wall = patterns.facade()
    solids = [box((0, height / 2, depth / 2), (width, height, depth), wall)]
    base = random.uniform(0.4, 3.2)
    if random.random() < 0.6:
        solids.append(box((0, base / 2, 0), (width, base, 0.12), patterns.any()))
    if random.random() < 0.3:
        solids.append(box((0, height, 0), (width, 0.3, 0.6), patterns.plain(0.1)))
    storeys = range(1, int(height / 3))
    if random.random() < 0.35:
        cover = patterns.plain(0.1)
        places = [random.uniform(-0.3, 0.3) * width for _ in range(int(random.integers(1, 3)))]
        for storey in storeys:
            for x in places:
                solids.append(box((x, storey * 3, -0.5), (2.2, 0.15, 1.0), cover))
                solids.append(box((x, storey * 3 + 0.5, -0.97), (2.2, 0.9, 0.05), cover))
    if random.random() < 0.35:
        axes = turned(0, -0.35)
        size = (width * random.uniform(0.3, 0.9), 0.06, 1.4)
        solids.append(box((0, 2.7, -0.6), size, patterns.striped(), axes))
    door = (random.uniform(-0.35, 0.35) * width, 1.05, -0.08)
    solids.append(box(door, (random.uniform(0.9, 2.0), 2.1, 0.1), patterns.any()))
    if random.random() < 0.3:
        sign = (random.uniform(-0.3, 0.3) * width, random.uniform(2.6, 3.5), -0.1)
        wide = random.uniform(1, 3)
        solids.append(box((sign[0], sign[1], -0.05), (wide + 0.1, 0.9, 0.1), patterns.plain()))
        solids.append(sheet((sign[0], sign[1], -0.11), (wide, 0.8), patterns.poster(wide, 0.8)))
    return solids


def car(patterns: Patterns) -> list[Solid]:
    """Along z, 3.5 to 5 m long, or a van."""
    random = patterns.random
    paint, glass, rubber = patterns.plain(0.5), patterns.glass(), patterns.dark()
    length, width = random.uniform(3.5, 5.0), random.uniform(1.6, 1.9)
    van = random.random() < 0.2
    waist, top = (1.1, random.uniform(1.9, 2.4)) if van else (0.85, random.uniform(1.35, 1.6))
    cabin, back = (length * 0.86, 0.05) if van else (length * 0.5, random.uniform(-0.02, 0.15))
    middle, high = -back * length, top - waist
    slope = 0.15 if van else random.uniform(0.5, 0.9)
    solids = [
        box((0, (waist + 0.25) / 2, 0), (width, waist - 0.25, length), paint),
        box((0, waist + high / 2, middle), (width * 0.86, high, cabin - 2 * slope * high), paint),
    ]
    for end in (-1, 1):
        # A pane leans from the waist to the roof.
        edge = middle + end * (cabin / 2 - slope * high / 2)
        tall = high * math.hypot(1, slope)
        axes = turned(0, -end * math.atan(slope))
        pane = (0.0, waist + high / 2, edge)
        solids.append(box(pane, (width * 0.86, tall, 0.04), glass, axes))
        light = (0.0, waist * 0.75, end * length / 2)
        for x in (-0.36, 0.36):
            lamp = patterns.lamp() if end < 0 else patterns.red()
            solids.append(box((x * width, *light[1:]), (0.32, 0.14, 0.04), lamp))
        plate = box((0, 0.45, end * length / 2), (0.5, 0.12, 0.03), patterns.plain(0.0))
        solids.append(plate)
    for x in (-0.435, 0.435):
        inner = cabin - 2 * slope * high - 0.25
        solids.append(box((x * width, waist + high / 2, middle), (0.02, high * 0.7, inner), glass))
    for x in (-0.46, 0.46):
        for z in (-0.32, 0.3):
            wheel = (x * width, 0.32, z * length)
            lying = turned(0, 0, math.pi / 2)
            solids.append(cylinder(wheel, 0.64, 0.2, rubber, lying))
            solids.append(cylinder(wheel, 0.36, 0.22, patterns.plain(0.0), lying))
    return solids


def tree(patterns: Patterns) -> list[Solid]:
    """A trunk, branches, and a crown of balls and cut-out leaves; at times bare."""
    random = patterns.random
    height = random.uniform(2.5, 11)
    trunk, bark, leaves = height * random.uniform(0.2, 0.45), patterns.bark(), patterns.leaves()
    thick = height * random.uniform(0.02, 0.05)
    lean = random.normal(0, 0.03) * height
    fork = (lean, trunk, 0.0)
    solids = [rod((0, -0.1, 0), fork, thick, bark)]
    crown = (height - trunk) / 2
    bare = random.random() < 0.12
    for _ in range(int(random.integers(4, 9))):
        turn, out = random.uniform(-math.pi, math.pi), random.uniform(0.2, 0.8) * crown
        up = trunk + random.uniform(0.3, 1.7) * crown
        end = (lean + math.sin(turn) * out, up, math.cos(turn) * out)
        solids.append(rod(fork, end, thick * 0.4, bark))
        if bare:
            for _ in range(3):
                twig = tuple(place + random.normal(0, 0.3) * crown for place in end)
                solids.append(rod(end, (twig[0], twig[1], twig[2]), thick * 0.15, bark))
            continue
        size = crown * random.uniform(0.6, 1.2)
        if random.random() < 0.35:
            solids.append(ball(end, (size, size * 0.8, size), leaves))
        axes = turned(random.uniform(-1.2, 1.2), random.normal(0, 0.3))
        outline = silhouette(random, 0.8)
        solids.append(sheet(end, (size * 1.8, size * 1.5), leaves, axes, outline))
    return solids


def bush(patterns: Patterns) -> list[Solid]:
    """Leaves near the ground."""
    random, leaves = patterns.random, patterns.leaves()
    size = random.uniform(0.4, 1.6)
    solids = [ball((0, size * 0.3, 0), (size, size * 0.8, size), leaves)]
    for _ in range(4):
        place = (random.normal(0, 0.25) * size, size * 0.4, random.normal(0, 0.25) * size)
        axes = turned(random.uniform(-1.2, 1.2))
        outline = silhouette(random, 0.8)
        solids.append(sheet(place, (size * 1.2, size), leaves, axes, outline))
    return solids


def pole(patterns: Patterns) -> list[Solid]:
    """A lamp post, a sign, a bollard or a bin."""
    random, metal = patterns.random, patterns.plain(0.15)
    kind = random.random()
    if kind < 0.4:
        height, arm = random.uniform(3.5, 8), random.uniform(-1.5, 1.5)
        return [
            rod((0, 0, 0), (0, height, 0), random.uniform(0.08, 0.18), metal),
            rod((0, height, 0), (arm, height + 0.2, 0), 0.06, metal),
            box((arm, height + 0.15, 0), (0.5, 0.12, 0.25), metal),
        ]
    if kind < 0.7:
        height, side = random.uniform(1.8, 2.8), random.uniform(0.4, 0.9)
        outline = silhouette(random) if random.random() < 0.2 else None
        post = rod((0, 0, 0), (0, height, 0), 0.06, metal)
        place = (0.0, height - side / 2, -0.05)
        return [post, sheet(place, (side, side), patterns.striped(), None, outline)]
    if kind < 0.85:
        return [cylinder((0, 0.45, 0), 0.14, 0.9, metal)]
    width = random.uniform(0.4, 0.7)
    return [box((0, 0.5, 0), (width, 1.0, width), metal)]


def fence(patterns: Patterns, length: float) -> list[Solid]:
    """Posts and rails along x, or bars."""
    random, cover = patterns.random, patterns.wood()
    height, gap = random.uniform(0.8, 1.5), random.choice([0.12, 0.3, 1.5])
    gap = max(gap, length / 30)
    thick = random.uniform(0.02, 0.09) if gap > 0.2 else 0.02
    count = int(length / gap)
    solids = [
        rod((-length / 2, height * share, 0), (length / 2, height * share, 0), thick, cover)
        for share in ((0.1, 0.95) if gap < 1 else (0.35, 0.65, 0.95))
    ]
    for post in range(count + 1):
        x = post * gap - length / 2
        solids.append(box((x, height / 2, 0), (thick, height, thick), cover))
    return solids


def bench(patterns: Patterns) -> list[Solid]:
    """Three boards to sit on, two to lean on."""
    wood, metal = patterns.wood(), patterns.plain(0.1)
    solids = [box((0, 0.45, z), (1.6, 0.04, 0.12), wood) for z in (-0.3, -0.15, 0.0)]
    solids += [box((0, y, 0.1), (1.6, 0.12, 0.04), wood) for y in (0.65, 0.82)]
    for x in (-0.65, 0.65):
        solids.append(box((x, 0.22, -0.15), (0.06, 0.44, 0.4), metal))
        solids.append(box((x, 0.6, 0.13), (0.05, 0.6, 0.05), metal))
    return solids
