"""Made-up scenes with exact depth: rooms, streets, land, stairs, tables, pages, floors from above.

A teacher of photos takes what is lower in the picture for nearer, and pictures for what they show.
Here cameras look at any height anywhere, also up and straight down, an upright thing is as near at
its top as at its foot, a picture on a wall is flat, and edges are exact to the pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from tqdm import tqdm

from training.cameras import Pose
from training.coverings import Image
from training.dataset import Labelled, Source, read_photo, write_photo
from training.patterns import Patterns
from training.render import OVERSAMPLING, Scene, Stage, render
from training.rooms import room
from training.solids import moved
from training.stairs import stairs
from training.streets import land, sky, street
from training.tabletops import facing, flat, overhead, tabletop
from training.teacher import write_label
from training.things import jumble

GENERATION = 3
"""Of what is made from a seed: another one has folders of its own."""

KINDS: dict[Callable[[Patterns], tuple[Stage, Pose]], float] = {
    room: 0.38,
    street: 0.13,
    land: 0.09,
    tabletop: 0.12,
    flat: 0.07,
    facing: 0.1,
    sky: 0.02,
    overhead: 0.04,
    stairs: 0.05,
}
"""What is made, and how often."""

_SIZES = ((288, 384), (384, 288), (336, 336), (252, 448))
_COVERINGS = 8
_CROSSING_METRES = 2.5
_CLIP_WHITE = 1.1


def scene_source(
    photos: Sequence[Path], folder: Path, count: int, seed: int, weight: float = 1.0
) -> Source:
    """Made-up scenes covered with pieces of ``photos``, written to ``folder``; kept if there.

    ``weight`` is their share of a batch beside the photos' 1; nothing of their depth is trimmed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = tqdm(range(count), desc="scenes", unit="scene")
    made = [written_scene(photos, folder, number, seed) for number in numbers]
    return Source(tuple(made), weight, trim=0.0)


def written_scene(photos: Sequence[Path], folder: Path, number: int, seed: int) -> Labelled:
    """The files of one scene of a source; made unless they are there."""
    photo, label = folder / f"{number:05}.png", folder / f"{number:05}.npy"
    if not label.exists():
        random = np.random.default_rng([seed, number])
        chosen = random.integers(0, len(photos), _COVERINGS)
        scene = make_scene([read_photo(photos[index]) for index in chosen], random)
        write_photo(photo, scene.photo)
        write_label(label, scene.inverse_depth)
    return Labelled(photo, label)


def make_scene(photos: Sequence[Image], random: Generator) -> Scene:
    """One scene of any kind, covered with pieces of the photos."""
    kinds = list(KINDS)
    kind = kinds[int(random.choice(len(kinds), p=list(KINDS.values())))]
    return make_scene_of(kind, photos, random)


def make_scene_of(
    kind: Callable[[Patterns], tuple[Stage, Pose]], photos: Sequence[Image], random: Generator
) -> Scene:
    """One scene of a kind."""
    height, width = _SIZES[random.integers(len(_SIZES))]
    stage, pose = kind(Patterns(photos, random))
    return render(stage, pose.camera((height * OVERSAMPLING, width * OVERSAMPLING)), random)


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
    patterns = Patterns(photos, random)
    stage, pose = land(patterns)
    pose = dataclasses.replace(pose, turn=0.0, tilt=-6.0, roll=0.0)
    thing = jumble(patterns)
    camera_step, thing_step = metres_a_frame
    stage = dataclasses.replace(stage, white=_CLIP_WHITE)
    grain = int(random.integers(1 << 30))
    for number in range(frames):
        x = thing_step * (number - frames / 2)
        solids = [*stage.solids, *moved(thing, (x, 0, _CROSSING_METRES))]
        seen_from = dataclasses.replace(pose, eye=(camera_step * number, 1.2, 0.0))
        camera = seen_from.camera((size[0] * OVERSAMPLING, size[1] * OVERSAMPLING))
        # Of each frame the same, so that what stands still looks the same.
        same = np.random.default_rng(grain)
        yield render(dataclasses.replace(stage, solids=solids), camera, same)
