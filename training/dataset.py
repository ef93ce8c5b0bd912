"""What is trained on: photos with labels, mixed from several sources, a batch for each step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from service.evaluation.pairs import pairs_in
from service.evaluation.pictures import read_picture
from service.pipeline.offline import photos_in
from training.augment import disturb, view
from training.teacher import label_path, write_label

SHAPES = (
    *((192, 320), (224, 288), (256, 256), (288, 224), (320, 192)),
    *((224, 384), (256, 320), (288, 288), (320, 256), (384, 224)),
)
"""``(height, width)`` of batches: those that most photos get, at 256 and at 288."""

_PNG_UNITS_A_METRE = 1000


@dataclass(frozen=True)
class Labelled:
    """A photo's file, and the NPY file of its label ``(h, w)``; NaN is unknown."""

    photo: Path
    label: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """RGB ``(height, width, 3)``, and the label; raises :class:`ValueError`."""
        return read_photo(self.photo), np.load(self.label).astype(np.float32)


@dataclass(frozen=True)
class Source:
    """Labelled photos of one origin.

    ``weight`` is its share of a batch beside the other sources'; ``trim`` the share of a label's
    pixels that the loss leaves out as probably wrong.
    """

    photos: tuple[Labelled, ...]
    weight: float
    trim: float

    def fingerprint(self) -> str:
        """Changes with the photos, their labels, and what is made of them.

        Files of labels are named after the photo's bytes, their folders after what made them.
        """
        names = "\n".join("/".join(one.label.parts[-2:]) for one in self.photos)
        said = os.fsencode(f"{self.weight} {self.trim}\n{names}")
        return hashlib.sha256(said).hexdigest()[:16]


@dataclass(frozen=True)
class Batch:
    """``image``: float32 ``(n, 3, h, w)``, RGB in 0..1. The others are as in :mod:`losses`."""

    image: torch.Tensor
    target: torch.Tensor
    known: torch.Tensor
    trim: torch.Tensor

    def on(self, device: torch.device) -> Batch:
        """The same batch there."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def read_photo(path: Path) -> NDArray[np.uint8]:
    """RGB ``(height, width, 3)``, upright; raises :class:`ValueError`."""
    photo = read_picture(path, cv2.IMREAD_COLOR_RGB)
    if photo is None:
        raise ValueError(f"{path} cannot be decoded")
    return np.asarray(photo, np.uint8)


def write_photo(path: Path, photo: NDArray[np.uint8], jpeg_quality: int = 95) -> None:
    """What :func:`read_photo` reads; raises :class:`OSError` where it cannot be written."""
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
    if not cv2.imwrite(str(path), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), options):
        raise OSError(f"{path} cannot be written")


def is_held_out(photo: Path) -> bool:
    """Whether a photo is never trained on: a tenth, told by the hash of its path in the folder."""
    return int.from_bytes(hashlib.sha256(os.fsencode(photo.as_posix())).digest()[:8]) % 10 == 0


def teacher_labels(photos: Path, labels: Path, *, held_out: bool) -> tuple[Labelled, ...]:
    """The photos of a folder that have a teacher's label, either those held out or the others."""
    found = (
        Labelled(photos / name, label_path(labels, photos / name))
        for name in photos_in(photos)
        if is_held_out(name) == held_out
    )
    return tuple(labelled for labelled in found if labelled.label.exists())


def teacher_source(photos: Path, labels: Path) -> Source:
    """All but the tenth that is held out; raises :class:`ValueError` where nothing is left."""
    found = teacher_labels(photos, labels, held_out=False)
    if not found:
        raise ValueError(f"no photo in {photos} has a label in {labels}")
    # A teacher's map has no holes, and its edges are what is wanted: nothing is trimmed.
    return Source(found, weight=1.0, trim=0.0)


def true_source(pairs: Path, work: Path, weight: float, trim: float) -> Source:
    """A folder of photos with true depth beside them, as ``python -m service eval`` reads it.

    Writes inverse depth to ``work``. Raises :class:`ValueError` where no photo has a depth.
    """
    found = []
    work.mkdir(parents=True, exist_ok=True)
    for pair in pairs_in(pairs, _PNG_UNITS_A_METRE):
        known = np.isfinite(pair.truth) & (pair.truth > 0)
        inverse = np.where(known, 1 / np.where(known, pair.truth, 1), np.nan)
        label = inverse.astype(np.float32)
        digest = hashlib.sha256(pair.photo.read_bytes() + label.tobytes()).hexdigest()
        target = work / f"{digest[:16]}.npy"
        write_label(target, label)
        found.append(Labelled(pair.photo, target))
    if not found:
        raise ValueError(f"{pairs}: no photo has its true depth beside it")
    return Source(tuple(found), weight, trim)


class Batches:
    """The batch of each step, made from nothing but the seed and the step's number.

    So training that is resumed sees what it would have seen. Each source gives every batch the
    same number of photos, by its weight, and every photo once before any comes again.
    """

    def __init__(self, sources: Sequence[Source], size: int, seed: int) -> None:
        self._sources = sources
        self._counts = shares([source.weight for source in sources], size)
        self._seed = seed

    def __getitem__(self, step: int) -> Batch:
        random = np.random.default_rng([self._seed, step])
        shape = SHAPES[random.integers(len(SHAPES))]
        images, labels, trims = [], [], []
        for source, count in zip(self._sources, self._counts, strict=True):
            for place in range(step * count, (step + 1) * count):
                photo, label = self._photo(source, place).read()
                photo, label = view(photo, label, shape, random)
                images.append(disturb(photo, random))
                labels.append(label)
                trims.append(source.trim)
        target = torch.from_numpy(np.stack(labels))
        known = target.isfinite()
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
        return Batch(pixels.float() / 255, target.nan_to_num(), known, torch.tensor(trims))

    def _photo(self, source: Source, place: int) -> Labelled:
        epoch, index = divmod(place, len(source.photos))
        order = np.random.default_rng([self._seed, epoch]).permutation(len(source.photos))
        return source.photos[int(order[index])]


def shares(weights: Sequence[float], total: int) -> list[int]:
    """Whole numbers that add up to ``total``, near the weights' shares of it, none below 1.

    Raises :class:`ValueError` where there are more weights than that.
    """
    if total < len(weights):
        raise ValueError(f"a batch of {total} is too small for {len(weights)} sources")
    ideal = [max(1.0, total * weight / sum(weights)) for weight in weights]
    counts = [int(share) for share in ideal]
    by_remainder = sorted(range(len(ideal)), key=lambda i: counts[i] - ideal[i])
    for index in by_remainder[: max(0, total - sum(counts))]:
        counts[index] += 1
    while sum(counts) > total:
        counts[counts.index(max(counts))] -= 1
    return counts
