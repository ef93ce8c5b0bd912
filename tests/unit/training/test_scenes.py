from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.photos import photo_pixels
from training import render as rendering
from training import scenes
from training.cameras import Pose
from training.dataset import shares
from training.patterns import Patterns
from training.recipe import Recipe
from training.render import Scene, Stage
from training.scenes import GENERATION, KINDS, make_clip, make_scene, make_scene_of, scene_source
from training.streets import sky
from training.tabletops import facing

Kind = Callable[[Patterns], tuple[Stage, Pose]]


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [photo_pixels(name) for name in ("coffee.png", "chelsea.png", "rocket.jpg")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rays tell the same."""
    sizes = tuple((height // 4, width // 4) for height, width in scenes._SIZES)
    monkeypatch.setattr(scenes, "_SIZES", sizes)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_has_a_photo_and_depth_everywhere(
    photos: list[np.ndarray], kind: Kind, seed: int
) -> None:
    scene = make_scene_of(kind, photos, np.random.default_rng(seed))
    assert scene.photo.dtype == np.uint8
    assert scene.photo.shape == (*scene.inverse_depth.shape, 3)
    assert 20 < scene.photo.mean() < 235
    assert (scene.photo == 255).all(axis=2).mean() < 0.5
    assert scene.inverse_depth.dtype == np.float32
    assert np.isfinite(scene.inverse_depth).all()
    assert scene.inverse_depth.min() >= 1 / 60 - 1e-6
    if kind not in (facing, sky):
        assert scene.photo.std() > 5
        assert relief(scene) > 0.05


def relief(scene: Scene) -> float:
    return float(np.ptp(scene.inverse_depth) / scene.inverse_depth.max())


def test_what_faces_the_camera_is_mostly_too_flat_to_span_a_whole_map(
    photos: list[np.ndarray],
) -> None:
    found = [
        relief(make_scene_of(facing, photos, np.random.default_rng(seed))) for seed in range(20)
    ]
    assert np.mean(np.array(found) < Recipe().full_relief) > 0.85


def test_much_of_the_sky_has_nothing_before_it(photos: list[np.ndarray]) -> None:
    found = [relief(make_scene_of(sky, photos, np.random.default_rng(seed))) for seed in range(20)]
    assert 0.5 < np.mean(np.array(found) == 0) < 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_depends_on_its_seed_alone(photos: list[np.ndarray], kind: Kind) -> None:
    one, same, other = (
        make_scene_of(kind, photos, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.photo, same.photo)
    assert np.array_equal(one.inverse_depth, same.inverse_depth)
    assert one.photo.shape != other.photo.shape or not np.array_equal(one.photo, other.photo)


def test_every_kind_is_made_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Kind] = []
    monkeypatch.setattr(scenes, "make_scene_of", lambda kind, photos, random: made.append(kind))
    for seed in range(1000):
        make_scene([], np.random.default_rng(seed))
    for kind, share in KINDS.items():
        assert made.count(kind) / 1000 == pytest.approx(share, abs=0.04)


def test_what_is_low_is_not_always_near(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the middle always far: networks take both for laws."""
    # Only depth is looked at, and colours take most of the time.
    monkeypatch.setattr(
        rendering, "_colours", lambda stage, camera, depth, *_: np.zeros((*depth.shape, 3), "f4")
    )
    low, middle = [], []
    for seed in range(60):
        near = make_scene(photos, np.random.default_rng(seed)).inverse_depth
        third = near.shape[0] // 3
        upper, centre, lower = near[:third], near[third:-third], near[-third:]
        low.append(np.median(lower) > np.median(upper))
        middle.append(np.median(centre) < min(np.median(lower), np.median(upper)))
    assert 0.5 < np.mean(low) < 0.85
    assert np.mean(middle) < 0.6


def test_scenes_are_kept_and_weigh_what_they_should(
    photos: list[np.ndarray], tmp_path: Path
) -> None:
    files = []
    for number, photo in enumerate(photos):
        files.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(files[-1]), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
    source = scene_source(files, tmp_path / "scenes", count=2, seed=0, weight=0.6)
    written = [labelled.label.stat().st_mtime_ns for labelled in source.photos]
    photo, label = source.photos[0].read()
    assert photo.shape[:2] == label.shape
    assert shares([1.0, source.weight], 16) == [10, 6]
    again = scene_source(files, tmp_path / "scenes", count=2, seed=0, weight=0.6)
    assert [labelled.label.stat().st_mtime_ns for labelled in again.photos] == written
    assert again.fingerprint() == source.fingerprint()


def test_another_generator_is_another_generation(photos: list[np.ndarray]) -> None:
    """Scenes are kept by seed: where this fails, raise GENERATION and write the new digest."""
    built = []
    for kind in KINDS:
        stage, pose = kind(Patterns(photos, np.random.default_rng(0)))
        places = np.array([[*solid.centre, *solid.half] for solid in stage.solids])
        built.append([len(places), *places.mean(axis=0).round(3), *np.round(pose.eye, 3)])
    digest = hashlib.sha256(json.dumps(built).encode()).hexdigest()[:8]
    assert (GENERATION, digest) == (3, "ce27cec4")


@pytest.mark.parametrize("camera_step", [0.0, 0.05])
def test_a_clip_is_one_scene_that_a_thing_crosses(
    photos: list[np.ndarray], camera_step: float
) -> None:
    clip = list(make_clip(photos, np.random.default_rng(4), (45, 80), 5, (camera_step, 0.4)))
    first, last = clip[0], clip[-1]
    assert len(clip) == 5
    assert first.photo.shape == (45, 80, 3)
    still = first.inverse_depth == last.inverse_depth
    if camera_step == 0:
        assert 0.5 < still.mean() < 1
        shadowless = np.abs(first.photo.astype(int) - last.photo).max(axis=2) <= 2
        assert (shadowless & still).mean() > 0.6 * still.mean()
    else:
        # Parallax: all but the far moves.
        near = first.inverse_depth > 1 / 10
        assert still[near].mean() < 0.2
