from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.dataset import (
    Batches,
    Labelled,
    Source,
    is_held_out,
    shares,
    teacher_labels,
    teacher_source,
    true_source,
)
from training.teacher import label_path


def write_photo(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((48, 64, 3), level, np.uint8))


def source_of(folder: Path, count: int, weight: float, trim: float = 0.0) -> Source:
    """Photos whose label is their own number everywhere."""
    photos = []
    for number in range(count):
        photo, label = folder / f"{number}.png", folder / f"{number}.npy"
        write_photo(photo, number)
        np.save(label, np.full((48, 64), number, np.float16))
        photos.append(Labelled(photo, label))
    return Source(tuple(photos), weight, trim)


def test_about_a_tenth_is_held_out_always_the_same() -> None:
    held_out = [is_held_out(Path(f"a/{n}.jpg")) for n in range(2000)]
    assert 0.08 < np.mean(held_out) < 0.12
    # Another rule would let what was trained on be scored.
    assert is_held_out(Path("ihc.png"))
    assert is_held_out(Path("hubble_deep_field.jpg"))
    assert not is_held_out(Path("a.png"))


def test_held_out_photos_are_never_trained_on(tmp_path: Path) -> None:
    photos, labels = tmp_path / "photos", tmp_path / "labels"
    labels.mkdir()
    # All of one name, as cameras and datasets like it.
    names = [Path(f"scene-{number}/rgb.png") for number in range(40)]
    for number, name in enumerate(names):
        write_photo(photos / name, number)
        np.save(label_path(labels, photos / name), np.zeros((4, 4), np.float16))
    label_path(labels, photos / names[0]).unlink()  # not labelled yet
    trained = {labelled.photo for labelled in teacher_source(photos, labels).photos}
    kept = {labelled.photo for labelled in teacher_labels(photos, labels, held_out=True)}
    assert kept == {photos / name for name in names[1:] if is_held_out(name)}
    assert 0 < len(kept) < 20
    assert kept | trained == {photos / name for name in names[1:]}
    assert not kept & trained


def test_photos_whose_names_are_no_text_are_trained_on(tmp_path: Path) -> None:
    photos, labels = tmp_path / "photos", tmp_path / "labels"
    labels.mkdir()
    write_photo(tmp_path / "level.png", 9)
    photos.mkdir()
    names = [os.fsdecode(b"caf\xe9-%d.png" % number) for number in range(40)]
    for name in names:
        shutil.copy(tmp_path / "level.png", photos / name)
    np.save(label_path(labels, photos / names[0]), np.zeros((4, 4), np.float16))
    source = teacher_source(photos, labels)
    assert 0 < len(source.photos) < 40
    assert (source.photos[0].read()[0] == 9).all()
    assert source.fingerprint()


def test_a_label_is_of_the_photo_that_is_there_now(tmp_path: Path) -> None:
    photos, labels = tmp_path / "photos", tmp_path / "labels"
    labels.mkdir()
    for number in range(9):
        write_photo(photos / f"{number}.png", number)
        np.save(label_path(labels, photos / f"{number}.png"), np.zeros((4, 4), np.float16))
    before = len(teacher_source(photos, labels).photos)
    trained = teacher_source(photos, labels).photos[0].photo
    write_photo(trained, 200)
    assert len(teacher_source(photos, labels).photos) == before - 1


def test_no_labelled_photo_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a label"):
        teacher_source(tmp_path, tmp_path)


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    source = source_of(tmp_path, 5, weight=1)
    one = Batches([source], 4, seed=1)
    _ = one[0], one[1]
    again, other = Batches([source], 4, seed=1), Batches([source], 4, seed=2)
    assert torch.equal(one[7].image, again[7].image)
    assert torch.equal(one[7].target, again[7].target)
    shapes = {(other[step].image.shape, float(other[step].image.sum())) for step in range(10)}
    assert (one[7].image.shape, float(one[7].image.sum())) not in shapes


def test_every_photo_comes_once_before_any_comes_again(tmp_path: Path) -> None:
    batches = Batches([source_of(tmp_path, 6, weight=1)], 3, seed=0)
    shown = [float(value) for step in range(4) for value in batches[step].target.amax((1, 2))]
    assert sorted(shown[:6]) == sorted(shown[6:]) == [0, 1, 2, 3, 4, 5]
    assert shown[:6] != shown[6:]


def test_sources_are_mixed_by_weight_with_their_own_trim(tmp_path: Path) -> None:
    sources = [
        source_of(tmp_path / "a", 3, weight=1, trim=0.0),
        source_of(tmp_path / "b", 2, weight=0.25, trim=0.2),
    ]
    batch = Batches(sources, 10, seed=0)[0]
    torch.testing.assert_close(batch.trim, torch.tensor([0.0] * 8 + [0.2] * 2))
    assert batch.image.shape[0] == batch.target.shape[0] == 10
    assert batch.known.all()


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([1.0], 16, [16]),
        ([1.0, 0.25], 16, [13, 3]),
        ([1.0, 1.0, 1.0], 4, [2, 1, 1]),
        ([1.0, 0.001], 8, [7, 1]),
    ],
)
def test_shares(weights: list[float], total: int, expected: list[int]) -> None:
    assert shares(weights, total) == expected


def test_true_depth_becomes_inverse_depth_with_holes(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    write_photo(pairs / "room.png", 100)
    metres = np.full((48, 64), 2.0, np.float32)
    metres[:8] = 0
    metres[8:16] = np.nan
    np.save(pairs / "room.npy", metres)
    source = true_source(pairs, tmp_path / "work", weight=0.5, trim=0.2)
    _, label = source.photos[0].read()
    assert np.isnan(label[:16]).all()
    assert (label[16:] == 0.5).all()
    batch = Batches([source], 8, seed=0)[0]
    assert not batch.known.all()
    assert batch.target.isfinite().all()
    assert (batch.target[batch.known] == 0.5).all()


def test_a_folder_without_true_depth_is_an_error(tmp_path: Path) -> None:
    write_photo(tmp_path / "lonely.png", 1)
    with pytest.raises(ValueError, match="true depth"):
        true_source(tmp_path, tmp_path / "work", weight=1, trim=0.2)


def test_other_truth_for_the_same_photo_is_told_apart(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    write_photo(pairs / "room.png", 100)
    prints = set()
    for metres in (2.0, 3.0):
        np.save(pairs / "room.npy", np.full((48, 64), metres, np.float32))
        prints.add(true_source(pairs, tmp_path / "work", weight=1, trim=0.2).fingerprint())
    assert len(prints) == 2


def test_sparse_truth_survives_shrinking(tmp_path: Path) -> None:
    """Depth sensors know a fifth of the pixels or less; means over them would know none."""
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    random = np.random.default_rng(0)
    cv2.imwrite(str(pairs / "street.png"), random.integers(0, 255, (600, 900, 3)).astype(np.uint8))
    metres = random.uniform(1, 9, (600, 900)).astype(np.float32)
    metres[random.random((600, 900)) > 0.1] = 0
    np.save(pairs / "street.npy", metres)
    source = true_source(pairs, tmp_path / "work", weight=1, trim=0.2)
    batch = Batches([source], 4, seed=0)[0]
    assert (batch.known.float().mean((1, 2)) > 0.05).all()


def test_a_batch_must_have_room_for_every_source() -> None:
    with pytest.raises(ValueError, match="too small"):
        shares([1.0, 0.25], 1)


def test_fingerprints_tell_data_apart(tmp_path: Path) -> None:
    one = source_of(tmp_path, 3, weight=1)
    fewer = replace(one, photos=one.photos[:2])
    heavier = replace(one, weight=2.0)
    # The same photos, labelled by another teacher: the same names in another folder.
    elsewhere = (replace(each, label=Path("other") / each.label.name) for each in one.photos)
    relabelled = replace(one, photos=tuple(elsewhere))
    prints = {source.fingerprint() for source in (one, fewer, heavier, relabelled)}
    assert len(prints) == 4
    assert source_of(tmp_path, 3, weight=1).fingerprint() == one.fingerprint()
