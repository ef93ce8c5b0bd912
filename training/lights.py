"""How made-up scenes are lit: a sun with its shadows, a lamp, what comes from everywhere, haze."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from training.coverings import noise
from training.solids import Place, Scalars, Vectors

_CORNER_METRES, _CORNER_SHADE = 0.35, 0.3


@dataclass(frozen=True)
class Light:
    """Colours are of strength about 1 in all.

    ``lamp`` is a place that shines without shadows; ``hall`` the lowest and the highest x, y and z
    of a room, whose corners are darker; ``haze`` the share of a thing's colour lost in a metre.
    """

    towards: Place
    sun: Place
    ambient: Place
    softness: float
    """Of a shadow's edge, in metres."""
    sky: tuple[Place, Place]
    """Its colour at the horizon, and above."""
    clouds: float = 0.0
    cloud_seed: int = 0
    lamp: Place | None = None
    lamp_colour: Place = (0.0, 0.0, 0.0)
    hall: tuple[Place, Place] | None = None
    haze: float = 0.0

    def on(self, points: Vectors, normals: Vectors, sunlit: Scalars) -> Vectors:
        """What falls on points: ``(3, n)``."""
        facing = (normals * _column(self.towards)).sum(axis=0)
        # What shines from everywhere is a little stronger from above and from before.
        soft = 0.85 + np.float32(0.15) * normals[1] - np.float32(0.05) * normals[2]
        if self.hall is not None:
            soft = soft * self._corners(points, normals)
        total = _column(self.ambient) * soft
        total += _column(self.sun) * (np.maximum(facing, 0) * sunlit)
        if self.lamp is not None:
            way = _column(self.lamp) - points
            squared = (way**2).sum(axis=0) + np.float32(1e-3)
            cosine = np.maximum((way * normals).sum(axis=0) / np.sqrt(squared), 0)
            total += _column(self.lamp_colour) * ((0.3 + 0.7 * cosine) / (1 + squared / 4))
        return np.asarray(total, np.float32)

    def sky_at(self, directions: Vectors) -> Vectors:
        """The sky's colour (0..1) in directions ``(3, n)``."""
        up = directions[1] / np.sqrt((directions**2).sum(axis=0))
        share = np.clip(up * 1.6, 0, 1) ** np.float32(0.6)
        low, high = (_column(colour) for colour in self.sky)
        colour = low + (high - low) * share
        if self.clouds:
            side = 256
            sheet = noise(np.random.default_rng(self.cloud_seed), side, 6, 4)
            flat = directions[::2] / (np.abs(up) + np.float32(0.2)) * (40 / side)
            folded = np.abs(np.mod(flat + 0.7, 2) - 1) * (side - 1)
            column, row = folded.astype(np.int32)
            white = np.clip(sheet[row, column] + self.clouds - 0.5, 0, 1)
            colour += (np.float32(0.95) - colour) * white
        return np.asarray(colour, np.float32)

    def through_air(self, colours: Vectors, distance: Scalars) -> Vectors:
        """Colours as seen from a distance."""
        if not self.haze:
            return colours
        clear = np.exp(-np.float32(self.haze) * distance)
        return np.asarray(colours * clear + _column(self.sky[0]) * (1 - clear), np.float32)

    def _corners(self, points: Vectors, normals: Vectors) -> Scalars:
        """Less light reaches a wall near another one."""
        low, high = self.hall or ((0, 0, 0), (0, 0, 0))
        share = np.ones(points.shape[1], np.float32)
        for axis in range(3):
            aside = np.abs(normals[axis]) < 0.7
            for end in (low[axis], high[axis]):
                away = np.abs(points[axis] - np.float32(end))
                shade = np.exp(away * np.float32(-1 / _CORNER_METRES))
                share *= 1 - _CORNER_SHADE * shade * aside
        return share


def daylight(random: Generator) -> Light:
    """Of a clear or a cloudy day."""
    clear = random.random() < 0.6
    sun = random.uniform(0.5, 1.0) if clear else random.uniform(0.0, 0.25)
    warmth = random.uniform(0.75, 1.0)
    blue = random.uniform(0.35, 0.75)
    if clear:
        sky = ((0.8, 0.87, 0.95), (blue * 0.7, blue, 0.95))
    else:
        grey = random.uniform(0.6, 0.95)
        sky = ((grey, grey, grey), (grey * 0.9, grey * 0.93, grey))
    if random.random() < 0.12:
        sky = ((0.95, 0.7, 0.5), (0.5, 0.5, 0.75))
    return Light(
        towards=_from_above(random, random.uniform(0.25, 1.3)),
        sun=(sun, sun * (0.9 + warmth / 10), sun * warmth),
        ambient=(0.5, 0.53, 0.58),
        softness=0.03 if clear else 0.25,
        sky=sky,
        clouds=random.uniform(-0.3, 1.0) if random.random() < 0.7 else 0.0,
        cloud_seed=int(random.integers(1 << 30)),
        haze=random.exponential(0.006) if random.random() < 0.7 else random.uniform(0.01, 0.04),
    )


def indoors(random: Generator, hall: tuple[Place, Place]) -> Light:
    """Of a room with its lamp, and with light from a side."""
    (left, _, back), (right, top, front) = hall
    warmth = random.uniform(0.6, 1.0)
    sun, lamp = random.uniform(0.05, 0.5), random.uniform(0.1, 0.9)
    base = random.uniform(0.25, 0.6)
    return dataclasses.replace(
        daylight(random),
        towards=_from_above(random, random.uniform(0.8, 2.5)),
        sun=(sun, sun * 0.96, sun * 0.9),
        ambient=(base, base * 0.98, base * (0.9 + warmth / 10)),
        softness=random.uniform(0.03, 0.14),
        lamp=(
            random.uniform(0.7 * left + 0.3 * right, 0.3 * left + 0.7 * right),
            top - random.uniform(0.15, 0.6),
            random.uniform(0.7 * back + 0.3 * front, 0.3 * back + 0.7 * front),
        ),
        lamp_colour=(lamp, lamp * (0.8 + warmth / 5), lamp * warmth),
        hall=hall,
        haze=0.0,
    )


def _from_above(random: Generator, height: float) -> Place:
    x, y, z = random.normal(0, 0.7), height, random.normal(-0.4, 0.6)
    length = float(np.hypot(np.hypot(x, y), z))
    return x / length, y / length, z / length


def _column(place: Place) -> Vectors:
    return np.array(place, np.float32)[:, None]
