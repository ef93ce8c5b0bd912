"""Made-up rooms and streets with exact depth: what stands on a floor, and before what.

Boxes, cylinders, balls and cut-outs stand on a floor, before walls or a far sky, covered with
pieces of photos, under one light with its shadows. A teacher of photos takes what is higher in the
picture for farther; here an upright thing is as near at its top as at its foot, and edges are
exact to the pixel.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from training.dataset import Labelled, Source, read_photo
from training.solids import Image, Scalars, Shape, Solid, Vectors
from training.teacher import write_label

_SIZES = ((288, 384), (384, 288), (336, 336), (252, 448))
_OVERSAMPLING = 2
_COVERINGS = 8
_SKY_METRES = 60.0
_SHADE = 0.45
_EXPOSURE = 1.25
_RIGHT = np.array([1, 0, 0], np.float32)
_CROSSING_METRES = 2.5


@dataclass(frozen=True)
class Scene:
    """``photo``: RGB ``(h, w, 3)``; ``inverse_depth``: float32 ``(h, w)``, 1 / metres."""

    photo: Image
    inverse_depth: NDArray[np.float32]


def scene_source(photos: Sequence[Path], folder: Path, count: int, seed: int) -> Source:
    """Made-up scenes covered with pieces of ``photos``, written to ``folder``; kept if there.

    Scenes have a quarter of a batch beside the photos, and nothing of their depth is trimmed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in tqdm(range(count), desc="scenes", unit="scene"):
        photo, label = folder / f"{number:05}.png", folder / f"{number:05}.npy"
        if not label.exists():
            random = np.random.default_rng([seed, number])
            chosen = random.integers(0, len(photos), _COVERINGS)
            scene = make_scene([read_photo(photos[index]) for index in chosen], random)
            cv2.imwrite(str(photo), cv2.cvtColor(scene.photo, cv2.COLOR_RGB2BGR))
            write_label(label, scene.inverse_depth)
        made.append(Labelled(photo, label))
    return Source(tuple(made), weight=1 / 3, trim=0.0)


def make_scene(photos: Sequence[Image], random: Generator) -> Scene:
    """One scene, covered with pieces of the photos."""
    height, width = _SIZES[random.integers(len(_SIZES))]
    tall = random.uniform(0.5, 1.8)
    solids = _surroundings(photos, random) + _things(photos, random)
    camera = _camera(height, width, tall, random)
    return _seen(camera, (height, width), solids, _light(random))


def make_clip(
    photos: Sequence[Image],
    random: Generator,
    size: tuple[int, int],
    frames: int,
    metres_a_frame: tuple[float, float] = (0.0, 0.02),
) -> Iterator[Scene]:
    """One scene from frame to frame: the camera goes to the right, and one thing crosses it.

    ``size`` is ``(height, width)``; ``metres_a_frame`` is of the camera and of the thing.
    """
    solids = _surroundings(photos, random) + _things(photos, random)
    (eye, rays, forward), light = _camera(*size, random.uniform(1, 1.5), random), _light(random)
    thing = _thing(photos, random)
    way, step = metres_a_frame[0] * _RIGHT, metres_a_frame[1] * _RIGHT
    start = np.array([-step[0] * frames / 2, thing.half[1], _CROSSING_METRES], np.float32)
    for number in range(frames):
        crossing = dataclasses.replace(thing, centre=start + step * number)
        camera = (eye + way * number, rays, forward)
        yield _seen(camera, size, [*solids, crossing], light)


def _seen(
    camera: tuple[Vectors, Vectors, Vectors],
    size: tuple[int, int],
    solids: Sequence[Solid],
    light: Vectors,
) -> Scene:
    (eye, rays, forward), (height, width) = camera, size
    distance, colour = _look(eye, rays, solids, light)
    # Sky has no end; a bound keeps 1 / depth above 0.
    depth = np.minimum(distance * (rays @ forward), _SKY_METRES)
    shape = (height * _OVERSAMPLING, width * _OVERSAMPLING)
    photo = cv2.resize(colour.reshape(*shape, 3), (width, height), interpolation=cv2.INTER_AREA)
    # Of four depths the nearest one: a mean of two things' depths would be a third's.
    near = (1 / depth).reshape(height, _OVERSAMPLING, width, _OVERSAMPLING).max(axis=(1, 3))
    exposed = np.clip(photo * (_EXPOSURE * 255), 0, 255)
    return Scene(np.rint(exposed).astype(np.uint8), near.astype(np.float32))


def _camera(
    height: int, width: int, tall: float, random: Generator
) -> tuple[Vectors, Vectors, Vectors]:
    """The eye ``(3,)``, a ray for each pixel, row by row, and the way it looks, of length 1."""
    tilt, roll = math.radians(random.uniform(-25, 4)), math.radians(random.normal(0, 2))
    reach = math.tan(math.radians(random.uniform(40, 75)) / 2) / max(height, width)
    rows, columns = height * _OVERSAMPLING, width * _OVERSAMPLING
    down, across = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x = (across + 0.5 - columns / 2) * (2 * reach / _OVERSAMPLING)
    y = -(down + 0.5 - rows / 2) * (2 * reach / _OVERSAMPLING)
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    flat = np.stack([x, y, np.ones_like(x)], axis=2).reshape(-1, 3)
    cos, sin = math.cos(tilt), math.sin(tilt)
    turn = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]], np.float32)
    eye = np.array([0, tall, 0], np.float32)
    return eye, (flat @ turn.T).astype(np.float32), turn[:, 2].copy()


def _surroundings(photos: Sequence[Image], random: Generator) -> list[Solid]:
    """The floor, and at times walls and a ceiling."""
    big, thin = 100.0, 0.05
    around = [_slab(photos, random, (0, -thin, 0), (big, thin, big))]
    if random.random() < 0.3:
        return around
    back, side = random.uniform(2.5, 9), random.uniform(1.5, 5)
    turn = math.radians(random.uniform(-30, 30))
    around.append(_slab(photos, random, (0, 0, back), (big, big, thin), turn))
    around += [
        _slab(photos, random, (place, 0, 0), (thin, big, big), turn)
        for place in (-side, side)
        if random.random() < 0.4
    ]
    if random.random() < 0.3:
        around.append(_slab(photos, random, (0, random.uniform(2.3, 3.5), 0), (big, thin, big)))
    return around


def _things(photos: Sequence[Image], random: Generator) -> list[Solid]:
    return [_thing(photos, random) for _ in range(random.integers(3, 11))]


def _thing(photos: Sequence[Image], random: Generator) -> Solid:
    away = random.uniform(1.0, 6.0)
    aside = random.uniform(-0.6, 0.6) * away
    half = (random.uniform(0.08, 0.6, 3) * (0.5 + away / 5)).astype(np.float32)
    kind = random.random()
    shape, outline = Shape.BOX, None
    if kind < 0.15:
        shape = Shape.BALL
        half[:] = half.min()
    elif kind < 0.35:
        shape = Shape.CYLINDER
        half[2] = half[0]
    elif kind < 0.65:
        half[2] = 0.02
        half[1] *= 1.6
        outline = _silhouette(random)
    elif kind < 0.8:
        # A post, or a board.
        half[random.integers(3)] = random.uniform(0.015, 0.04)
        half[0] = min(half[0], random.uniform(0.02, 0.3))
    lift = 0.0 if random.random() < 0.85 else random.uniform(0.1, 1.0)
    centre = np.array([aside, half[1] + lift, away], np.float32)
    turn = random.uniform(-math.pi / 4, math.pi / 4)
    return Solid(shape, centre, half, turn, *_covering(photos, random), outline)


def _slab(
    photos: Sequence[Image],
    random: Generator,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    turn: float = 0.0,
) -> Solid:
    covering, metres = _covering(photos, random)
    where, size = np.array(centre, np.float32), np.array(half, np.float32)
    return Solid(Shape.BOX, where, size, turn, covering, 2 * metres)


def _covering(photos: Sequence[Image], random: Generator) -> tuple[Image, float]:
    """A piece of a photo, often nearly plain, and how many metres wide it is."""
    photo = photos[int(random.integers(len(photos)))]
    height, width = photo.shape[:2]
    side = int(min(height, width) * random.uniform(0.2, 0.9))
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    piece = photo[top : top + side, left : left + side].astype(np.float32)
    piece = piece.mean((0, 1)) + (piece - piece.mean((0, 1))) * random.uniform(0.1, 1.0)
    return np.clip(piece, 0, 255).astype(np.uint8), random.uniform(0.4, 2.0)


def _silhouette(random: Generator) -> NDArray[np.bool_]:
    """A random round outline with bays and limbs."""
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(1, 6):
        radius += random.normal(0, 0.35 / wave) * np.cos(wave * angles + random.uniform(0, 6.3))
    radius = np.maximum(radius, 0.25)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None]
    points = (points - points.min(0)) / np.ptp(points, axis=0) * 127
    outline = np.zeros((128, 128), np.uint8)
    cv2.fillPoly(outline, [points.astype(np.int32)], 1)
    return outline.astype(bool)


def _light(random: Generator) -> Vectors:
    """The direction that light comes from: above, and rather from the viewer's side."""
    light = np.array([random.normal(0, 0.7), random.uniform(0.5, 1.5), random.normal(-0.4, 0.5)])
    return np.asarray(light / np.linalg.norm(light), np.float32)


def _look(
    eye: Vectors, rays: Vectors, solids: Sequence[Solid], light: Vectors
) -> tuple[Scalars, Vectors]:
    """Distance, in lengths of the ray, and colour (0..1) that each ray meets."""
    origin = np.broadcast_to(eye, rays.shape)
    distances = np.stack([solid.distance(origin, rays) for solid in solids])
    first, distance = distances.argmin(axis=0), distances.min(axis=0)
    colour = np.full((len(rays), 3), 0.85, np.float32)
    for index, solid in enumerate(solids):
        seen = (first == index) & np.isfinite(distance)
        if not seen.any():
            continue
        points = origin[seen] + rays[seen] * distance[seen, None]
        cover, normal = solid.surface(points)
        facing = np.maximum((normal * light).sum(1), 0)
        outside = points + normal * np.float32(1e-2)
        towards = np.broadcast_to(light, outside.shape)
        # Walls let light in: a room would be dark.
        shadow = np.zeros(len(points), bool)
        for other in solids:
            if other.half.max() < 10:
                shadow |= np.isfinite(other.distance(outside, towards))
        colour[seen] = cover * (1 - _SHADE + _SHADE * np.where(shadow, 0, facing))[:, None]
    return distance, colour
