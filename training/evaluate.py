"""How good a student is: true depth, edges, agreement with the teacher, and steadiness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch

from service.evaluation.edges import edge_slopes
from service.evaluation.metrics import score
from service.evaluation.pairs import motorcycle
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import to_image_size, to_tensor
from service.models.registry import find_spec
from training.augment import Image, Map, Pixels, jpeg, rotate
from training.dataset import Labelled, read_photo
from training.student import NAME, Student
from training.teacher import Teacher

Predictor = Callable[[Image], Map]

_SPEC = find_spec(NAME)
_PAN_STEPS, _PAN_SHARE = 16, 0.8
# About so many, each of which is looked at some twenty times.
_STABILITY_PHOTOS = 60


def predictor(student: Student) -> Predictor:
    """The student as the service runs it: RGB ``(h, w, 3)`` to inverse depth ``(h, w)``."""
    network = student.network.eval()

    def predict(photo: Image) -> Map:
        size = _SPEC.input_rule.network_size(photo.shape[1], photo.shape[0])
        tensor = to_tensor(photo, size, _SPEC.input_rule)
        with torch.no_grad():
            depth = network(torch.from_numpy(tensor[np.newaxis]))[0].numpy()
        return to_image_size(depth, photo.shape[1], photo.shape[0], _SPEC.enlarge)

    return predict


@dataclass(frozen=True)
class MotorcycleScores:
    """Errors against true depth, and slopes at its edges, in percent."""

    delta: float
    ordinal: float
    edge_slope: float
    elsewhere: float


def motorcycle_scores(
    predict: Predictor, disturb: Callable[[Image], Image] = lambda photo: photo
) -> MotorcycleScores:
    """Scores on scikit-image's motorcycle, whose photo may be disturbed first."""
    pair = motorcycle()
    photo = read_photo(pair.photo)
    depth = predict(disturb(photo))
    scores = score(DepthMap(depth, _SPEC.kind, NAME), pair.truth)
    slopes = edge_slopes(depth, pair.truth)
    figures = (scores.delta, scores.ordinal, slopes.edges, slopes.elsewhere)
    return MotorcycleScores(*(round(100 * figure, 2) for figure in figures))


def teacher_scores(teacher: Teacher) -> dict[str, MotorcycleScores]:
    """The same scores of the teacher: of its layout alone, and of its labels."""

    def at_photo_size(answer: Predictor) -> Predictor:
        return lambda photo: to_image_size(answer(photo), photo.shape[1], photo.shape[0])

    return {
        "layout": motorcycle_scores(at_photo_size(teacher.layout)),
        "labels": motorcycle_scores(at_photo_size(teacher.label)),
    }


@dataclass(frozen=True)
class Agreement:
    """Mean correlation with the teacher: with its merged labels, and with their layout alone."""

    labels: float
    layout: float


def agreement(predict: Predictor, teacher: Teacher, photos: Sequence[Labelled]) -> Agreement:
    """Agreement on photos that the student never saw; one correlation a photo."""
    with_labels, with_layout = [], []
    for labelled in photos:
        photo, label = labelled.read()
        depth = predict(photo)
        with_labels.append(_correlation(depth, label))
        with_layout.append(_correlation(depth, teacher.layout(photo)))
    return Agreement(_mean(with_labels), _mean(with_layout))


def _noisy(photo: Image) -> Image:
    noise = np.random.default_rng(0).normal(0, 20, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def _dark(photo: Image) -> Image:
    return np.asarray(photo // 5, np.uint8)


DISTURBANCES: dict[str, Callable[[Image], Image]] = {
    "JPEG quality 10": lambda photo: jpeg(photo, 10),
    "noise of 20 levels": _noisy,
    "a fifth of the light": _dark,
}


def stability(predict: Predictor, photos: Iterable[Image]) -> dict[str, float]:
    """Mean correlation of a disturbed photo's map with the undisturbed one's, by disturbance.

    Maps of a mirrored, turned or cropped photo are compared with the same mirrored, turned or
    cropped map.
    """
    found: dict[str, list[float]] = {}
    for photo in photos:
        plain = predict(photo)
        for name, disturb in DISTURBANCES.items():
            found.setdefault(name, []).append(_correlation(predict(disturb(photo)), plain))
        moved: dict[str, tuple[Map, Map]] = {
            "mirrored": (predict(np.ascontiguousarray(photo[:, ::-1])), plain[:, ::-1]),
            "turned by 5 degrees": (predict(rotate(photo, 5)), rotate(plain, 5)),
            "the middle 70 %": (predict(_middle(photo)), _middle(plain)),
        }
        for name, (own, expected) in moved.items():
            found.setdefault(name, []).append(_correlation(own, expected))
    return {name: _mean(values) for name, values in found.items()}


def unsteadiness(predict: Predictor, photo: Image) -> float:
    """Mean change of a point's depth between steps of a slow pan, percent of the map's range.

    A window of four fifths of the photo's width is at sixteen places of it in turn; each map is
    scaled to 0..1 as the heatmap does, and compared with the one before where both show the same.
    """
    width = int(photo.shape[1] * _PAN_SHARE)
    starts = np.linspace(0, photo.shape[1] - width, _PAN_STEPS).astype(int)
    windows = [predict(np.ascontiguousarray(photo[:, start : start + width])) for start in starts]
    changes = []
    for step in range(1, _PAN_STEPS):
        shift = int(starts[step] - starts[step - 1])
        before, after = _unit(windows[step - 1]), _unit(windows[step])
        changes.append(float(np.abs(before[:, shift:] - after[:, : width - shift]).mean()))
    return 100 * float(np.mean(changes))


def report(student: Student, teacher: Teacher, held_out: Sequence[Labelled]) -> dict[str, Any]:
    """All figures of one student, ready for JSON."""
    predict = predictor(student)
    sample = held_out[:: max(1, len(held_out) // _STABILITY_PHOTOS)]
    return {
        "motorcycle": asdict(motorcycle_scores(predict)),
        "motorcycle_disturbed": {
            name: asdict(motorcycle_scores(predict, disturb))
            for name, disturb in DISTURBANCES.items()
        },
        "motorcycle_teacher": {
            name: asdict(scores) for name, scores in teacher_scores(teacher).items()
        },
        "agreement": asdict(agreement(predict, teacher, held_out)),
        "held_out_photos": len(held_out),
        "stability_photos": len(sample),
        "correlation_with_the_undisturbed": stability(
            predict, (read_photo(labelled.photo) for labelled in sample)
        ),
        "unsteadiness_percent": _mean(
            [unsteadiness(predict, read_photo(labelled.photo)) for labelled in sample]
        ),
    }


def _middle(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = round(0.15 * height), round(0.15 * width)
    return np.ascontiguousarray(pixels[top : height - top, left : width - left])


def _unit(values: Map) -> Map:
    return np.asarray((values - values.min()) / max(np.ptp(values), 1e-6), np.float32)


def _mean(values: Sequence[float]) -> float:
    """Without the photos of which there is no correlation: a flat map has none."""
    return round(float(np.nanmean(values)), 4)


def _correlation(one: Map, other: Map) -> float:
    """Pearson's, after bringing the second to the first's size; NaN where one is flat."""
    size = (one.shape[1], one.shape[0])
    same = cv2.resize(np.ascontiguousarray(other), size, interpolation=cv2.INTER_LINEAR)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(one.ravel(), same.ravel())[0, 1])
