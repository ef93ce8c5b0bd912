"""A ray caster: what a camera sees of solids, with exact depth and soft shadows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.cameras import Camera, Sun
from training.coverings import Image
from training.lights import Light
from training.solids import Scalars, Solid, Vectors

Map = NDArray[np.float32]

OVERSAMPLING = 2
FARTHEST_METRES = 60.0
"""Sky has no end; a bound keeps 1 / depth above 0."""

_SMALL_METRES = 0.22
_SHADOW_RAYS = 384
_SHADOW_LOOKS = 3
_GRAIN = 65537
_BRIGHT, _BRIGHTEST = 96, 0.92


@dataclass(frozen=True)
class Scene:
    """``photo``: RGB ``(h, w, 3)``; ``inverse_depth``: float32 ``(h, w)``, 1 / metres."""

    photo: Image
    inverse_depth: Map


@dataclass(frozen=True)
class Stage:
    """Solids under a light; shadows fall within ``shadow_metres`` before the camera.

    Small things within ``free_metres`` of the lens are left out: nobody photographs so, and beside
    theirs all other depths would be the same. What is as bright as ``white`` is nearly white in the
    photo; by default, as cameras do it, that is what hardly anything in the view is brighter than.
    """

    solids: Sequence[Solid]
    light: Light
    shadow_metres: float = 10.0
    free_metres: float = 0.3
    white: float | None = None


def render(stage: Stage, camera: Camera, random: Generator) -> Scene:
    """What a camera sees; rays are twice as dense each way as the scene's pixels."""
    height, width = (side // OVERSAMPLING for side in camera.size)
    stage = dataclasses.replace(stage, solids=_before_lens(stage, camera))
    depth, first = first_hits(stage.solids, camera)
    colour = _colours(stage, camera, depth, first, random)
    colour *= _crevices(depth)[..., None]
    photo = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA)
    # Of four depths the nearest one: a mean of two things' depths would be a third's.
    bounded = np.minimum(depth, np.float32(FARTHEST_METRES))
    nearest = bounded.reshape(height, OVERSAMPLING, width, OVERSAMPLING).min(axis=(1, 3))
    exposed = _exposed(np.asarray(photo, np.float32), stage.white, random)
    return Scene(exposed, np.reciprocal(nearest).astype(np.float32))


def _before_lens(stage: Stage, camera: Camera) -> list[Solid]:
    return [
        solid
        for solid in stage.solids
        if sorted(solid.half)[1] > _SMALL_METRES or solid.away(camera.eye) > stage.free_metres
    ]


def first_hits(solids: Sequence[Solid], view: Camera | Sun) -> tuple[Map, NDArray[np.int16]]:
    """Along each ray the distance of the first solid, and its number: infinite and -1 for none."""
    distance = np.full(view.size, np.inf, np.float32)
    first = np.full(view.size, -1, np.int16)
    for number, solid in enumerate(solids):
        window = view.window(solid.corners())
        if window is None:
            continue
        before = distance[window]
        found = solid.distance(*view.rays(window)).reshape(before.shape)
        nearer = found < before
        np.copyto(before, found, where=nearer)
        first[window][nearer] = number
    return distance, first


def _colours(
    stage: Stage, camera: Camera, depth: Map, first: NDArray[np.int16], random: Generator
) -> Map:
    """RGB of each ray, ``(h, w, 3)``, 1 being bright."""
    # Solid by solid: rays that meet the same one come together.
    order = np.argsort(first, axis=None, kind="stable")
    origin, directions = camera.rays(camera.everywhere)
    directions = directions[:, order]
    numbers, starts = np.unique(first.ravel()[order], return_index=True)
    ends = [*starts[1:], len(order)]
    sky = int(ends[0]) if numbers[0] == -1 else 0
    reach = depth.ravel()[order][sky:]
    points = origin + directions[:, sky:] * reach
    cover, normals = np.empty_like(points), np.empty_like(points)
    glow = np.zeros(points.shape[1], np.float32)
    for number, start, end in zip(numbers, starts, ends, strict=True):
        if number == -1:
            continue
        part, solid = slice(start - sky, end - sky), stage.solids[number]
        across, along, normals[:, part] = solid.surface(points[:, part])
        cover[:, part] = solid.covering.at(across, along, reach[part] * np.float32(camera.pixel))
        glow[part] = solid.covering.glow
    # A sheet has the same light on its back.
    behind = (normals * directions[:, sky:]).sum(axis=0) > 0
    normals[:, behind] *= -1
    sunlit = _sunlit(stage, camera, points, normals, order[sky:], random)
    lit = stage.light.on(points, normals, sunlit)
    lit += (1 - lit) * glow
    colours = np.empty_like(directions)
    colours[:, :sky] = stage.light.sky_at(directions[:, :sky])
    colours[:, sky:] = stage.light.through_air(cover * lit, reach)
    picture = np.empty((len(order), 3), np.float32)
    picture[order] = colours.T
    return picture.reshape(*first.shape, 3)


def _sunlit(
    stage: Stage,
    camera: Camera,
    points: Vectors,
    normals: Vectors,
    pixels: NDArray[np.intp],
    random: Generator,
) -> Scalars:
    """Share of the sun (0..1) that no solid takes from points; its grain is that of the pixels."""
    light = stage.light
    if max(light.sun) == 0:
        return np.zeros(points.shape[1], np.float32)
    middle = np.array(camera.eye) + camera.axes[2] * (0.4 * stage.shadow_metres)
    sun = Sun(light.towards, (middle[0], middle[1], middle[2]), stage.shadow_metres, _SHADOW_RAYS)
    hit, _ = first_hits([solid for solid in stage.solids if solid.casts], sun)
    texel = stage.shadow_metres / _SHADOW_RAYS
    spread = light.softness / texel
    bias = np.float32(1.5 * texel + 0.5 * light.softness)
    # What is beyond the rays is lit.
    hit[[0, -1]], hit[:, [0, -1]] = np.inf, np.inf
    places, away = sun.places(points + normals * np.float32(texel))
    away -= bias
    grain = random.standard_normal((_SHADOW_LOOKS, 2, _GRAIN), np.float32) * np.float32(spread)
    lit = np.zeros(points.shape[1], np.float32)
    for look in grain:
        near = places + look[:, pixels % _GRAIN]
        column, row = np.clip(near, 0, sun.side - 1).astype(np.int32)
        lit += np.take(hit, row * sun.side + column) > away
    return lit / np.float32(_SHADOW_LOOKS)


def _crevices(depth: Map) -> Map:
    """Darker where something stands close before it."""
    far = np.log(np.minimum(depth, np.float32(FARTHEST_METRES)))
    broad = max(depth.shape) // 24
    around = cv2.blur(cv2.blur(far, (broad, broad)), (broad, broad))
    behind = np.maximum(far - around, 0)
    # Least where it is far behind: that is no crevice.
    shade = np.float32(1.8) * behind * np.exp(-4 * behind)
    return np.where(depth < FARTHEST_METRES / 2, 1 - shade, np.float32(1))


def _exposed(colour: Map, white: float | None, random: Generator) -> Image:
    if white is None:
        white = max(float(np.percentile(colour, _BRIGHT)), 1e-3)
    exposed = colour * (random.uniform(0.8, 1.05) * _BRIGHTEST / white)
    # The brightest lose their differences softly.
    soft = np.where(exposed > 0.8, 0.8 + 0.2 * np.tanh((exposed - 0.8) / 0.2), exposed)
    curve = np.clip(soft, 0, 1) ** np.float32(random.uniform(0.75, 1.1))
    return np.rint(curve * 255).astype(np.uint8)
