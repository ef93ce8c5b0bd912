from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.photos import photo_pixels
from training import scenes
from training.scenes import make_scene, scene_source


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    return [photo_pixels(name) for name in ("coffee.png", "chelsea.png", "rocket.jpg")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rays take seconds a scene: a ninth of them tells the same."""
    sizes = tuple((height // 3, width // 3) for height, width in scenes._SIZES)
    monkeypatch.setattr(scenes, "_SIZES", sizes)


@pytest.mark.parametrize("seed", range(4))
def test_a_scene_has_depth_everywhere(photos: list[np.ndarray], seed: int) -> None:
    scene = make_scene(photos, np.random.default_rng(seed))
    assert scene.photo.dtype == np.uint8
    assert scene.photo.shape == (*scene.inverse_depth.shape, 3)
    assert scene.inverse_depth.dtype == np.float32
    assert scene.inverse_depth.min() >= 1 / 60 - 1e-6
    assert np.ptp(scene.inverse_depth) > 0.1
    assert scene.photo.std() > 5


def test_a_scene_depends_on_its_seed_alone(photos: list[np.ndarray]) -> None:
    one, same, other = (make_scene(photos, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.photo, same.photo)
    assert np.array_equal(one.inverse_depth, same.inverse_depth)
    assert one.photo.shape != other.photo.shape or not np.array_equal(one.photo, other.photo)


def test_a_floor_has_the_depth_of_a_floor(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inverse depth of a plane is linear across a picture: its second differences are 0."""
    monkeypatch.setattr(scenes, "_things", lambda photos, random: [])
    for seed in range(3):
        near = make_scene(photos, np.random.default_rng(seed)).inverse_depth
        floor = near[-near.shape[0] // 4 :].astype(np.float64)
        bend = np.abs(floor[2:] - 2 * floor[1:-1] + floor[:-2])
        assert np.median(bend) < 1e-5
        assert floor[-1].mean() > floor[0].mean()


def test_scenes_are_kept_and_weigh_a_quarter_of_a_batch(
    photos: list[np.ndarray], tmp_path: Path
) -> None:
    files = []
    for number, photo in enumerate(photos):
        files.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(files[-1]), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
    source = scene_source(files, tmp_path / "scenes", count=2, seed=0)
    written = [labelled.label.stat().st_mtime_ns for labelled in source.photos]
    photo, label = source.photos[0].read()
    assert photo.shape[:2] == label.shape
    assert source.weight / (source.weight + 1) == pytest.approx(1 / 4)
    again = scene_source(files, tmp_path / "scenes", count=2, seed=0)
    assert [labelled.label.stat().st_mtime_ns for labelled in again.photos] == written
    assert again.fingerprint() == source.fingerprint()
