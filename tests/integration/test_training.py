"""A short real training: scikit-image's photos, taught by the embedded network itself."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR
from service.models.weights import sha256_of
from tests.support.killed_training import SMALL_SHAPES
from tests.support.server import ROOT
from training.__main__ import main
from training.dataset import Batch, Batches, teacher_source
from training.recipe import Recipe
from training.student import blended, from_imagenet, from_weights, save
from training.teacher import Merging, Teacher, label_folder, label_path
from training.train import Training, batch_loss

PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
# Held out by its name.
HELD_OUT = "ihc.png"
SPEC = find_spec("depth_lite_256")
EMBEDDED = EMBEDDED_DIR / SPEC.weights.file
SIZE = (192, 256)
# One that these tests have the time for.
MERGING = Merging(layout=(256,), details=(320,))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    found = importlib.util.find_spec("skimage")
    assert found is not None
    assert found.origin is not None
    for name in (*PHOTOS, HELD_OUT):
        photo = cv2.imread(str(Path(found.origin).parent / "data" / name))
        assert photo is not None
        cv2.imwrite(str(folder / name), cv2.resize(photo, (320, 240)))
    return folder


@pytest.fixture(scope="module")
def labels(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    label_folder(Teacher([EMBEDDED], MERGING), photos, folder)
    return folder


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of a training are the same at any size; a step's work is not."""
    monkeypatch.setattr("training.dataset.SHAPES", SMALL_SHAPES)


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the machine; these tests share it."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(cv2, "setNumThreads", lambda count: None)


def loss_of(training: Training, batch: Batch) -> float:
    with torch.no_grad():
        return float(batch_loss(training.student(batch.image), batch, training.recipe))


def test_training_from_imagenet_lowers_the_loss(photos: Path, labels: Path, tmp_path: Path) -> None:
    source = teacher_source(photos, labels)
    assert {labelled.photo.name for labelled in source.photos} == set(PHOTOS)
    recipe = Recipe(steps=10, decoder_share=0.5, batch=4, warmup_steps=2, ema=0.5)
    training = Training(from_imagenet(recipe.seed), recipe, [source])
    unseen_views = Batches([source], 8, seed=99)[0]
    before = loss_of(training, unseen_views)
    first_stages = training.student.network.encoder.state_dict()["conv_stem.weight"].clone()
    progress = list(training.run(tmp_path / "checkpoint.pt"))
    assert [one.step for one in progress] == list(range(1, 11))
    assert loss_of(training, unseen_views) < 0.6 * before
    assert torch.equal(
        training.student.network.encoder.state_dict()["conv_stem.weight"], first_stages
    )

    exported = tmp_path / "depth_lite_256.safetensors"
    save(training.averaged(), exported)
    averaged = Training(from_weights(exported), recipe, [source])
    assert loss_of(averaged, unseen_views) < 0.75 * before
    # What ships is what the service loads: the same graph, rectified.
    image = torch.rand(1, 3, *SIZE)
    student = averaged.student.eval()
    normalised = (image - student.mean) / student.std
    with torch.no_grad():
        torch.testing.assert_close(
            load_network(SPEC, exported)(normalised), student(image).relu(), atol=1e-4, rtol=1e-3
        )


def test_resumed_training_equals_uninterrupted(photos: Path, labels: Path, tmp_path: Path) -> None:
    source = teacher_source(photos, labels)
    # Of six steps three are the decoder's alone: resuming must find both phases.
    recipe = Recipe(
        steps=6, decoder_share=0.5, batch=2, warmup_steps=1, ema=0.5, checkpoint_every=3
    )

    def fresh() -> Training:
        return Training(from_weights(EMBEDDED), recipe, [source], "embedded")

    whole = fresh()
    for _ in whole.run(tmp_path / "whole.pt"):
        pass
    stopped = fresh()
    for progress in stopped.run(tmp_path / "stopped.pt"):
        if progress.step == 4:  # one past the checkpoint
            break
    resumed = fresh()
    resumed.resume(tmp_path / "stopped.pt")
    assert resumed.step == 3
    for _ in resumed.run(tmp_path / "stopped.pt"):
        pass
    untrained = from_weights(EMBEDDED).state_dict()
    for ours, expected in (
        (resumed.student.state_dict(), whole.student.state_dict()),
        (resumed.averaged().state_dict(), whole.averaged().state_dict()),
    ):
        moved = 0.0
        for key, value in expected.items():
            torch.testing.assert_close(ours[key], value, rtol=0, atol=1e-6)
            moved = max(moved, float((value - untrained[key]).abs().max()))
        # What is compared has moved much farther than what is allowed.
        assert moved > 1e-4


def test_a_checkpoint_of_something_else_is_refused(
    photos: Path, labels: Path, tmp_path: Path
) -> None:
    source = teacher_source(photos, labels)
    recipe = Recipe(steps=2, batch=1)
    checkpoint = tmp_path / "checkpoint.pt"
    for _ in Training(from_weights(EMBEDDED), recipe, [source], "embedded").run(checkpoint):
        pass
    fewer = dataclasses.replace(source, photos=source.photos[:-1])
    student = from_weights(EMBEDDED)
    for other, data, start, message in (
        (dataclasses.replace(recipe, batch=2), source, "embedded", "another recipe"),
        (recipe, fewer, "embedded", "other photos"),
        (recipe, source, "ImageNet", "other photos"),
        (dataclasses.replace(recipe, steps=1), source, "embedded", "at step 2"),
    ):
        with pytest.raises(ValueError, match=message):
            Training(student, other, [data], start).resume(checkpoint)
    longer = Training(student, dataclasses.replace(recipe, steps=4), [source], "embedded")
    longer.resume(checkpoint)
    assert longer.step == 2


def test_the_command_resumes_after_a_kill_and_scores(
    photos: Path, tmp_path: Path, one_core: None, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    data = [str(photos), str(EMBEDDED), "--work", str(work), "--layout", "256", "--detail", "320"]
    assert main(["label", *data]) == 0
    training = ["--init", str(EMBEDDED), "--steps", "5", "--checkpoint-every", "2"]
    every_step = ["all", *data, *training, "--batch", "2", "--scenes", "1"]
    command = [sys.executable, "-m", "tests.support.killed_training", *every_step]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (work / "checkpoint.pt").exists()

    capsys.readouterr()
    assert main(every_step) == 0
    said = capsys.readouterr().err
    assert "| 2/5" in said
    assert "| 1/5" not in said
    exported = work / "depth_lite_256.safetensors"
    load_network(SPEC, exported)
    (file,) = work.glob("scores-*.json")
    scores = json.loads(file.read_text())
    assert scores["sha256"] == sha256_of(exported)
    assert scores["held_out_photos"] == 1
    # It went on from the embedded network, and its teacher is the embedded network.
    assert scores["motorcycle"]["delta"] < 25
    assert scores["agreement"]["layout"] > 0.9
    assert set(scores["correlation_with_the_undisturbed"]) >= {"mirrored", "JPEG quality 10"}
    assert 0 < scores["unsteadiness_percent"] < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{photos}", "/nowhere.onnx"], "there is no teacher"),
        (["train", "{photos}", "{teacher}"], "has a label"),
        (["train", "{photos}", "{teacher}", "--beside", "/nowhere.onnx"], "there is no teacher"),
        (["evaluate", "{photos}", "{teacher}", "--weights", str(EMBEDDED)], "held out"),
        (["train", "{photos}", "{teacher}", "--init", "{teacher}"], "has a label"),
        (["label", "{photos}", "{teacher}", "--work", "{photos}/work"], "counts as photos"),
        (["train", "{photos}", "{teacher}", "--pairs", "{photos}"], "counts as photos"),
        (["label", "{photos}", "{teacher}", "--sigma", "0"], "sigma is between 0 and 1"),
        (["label", "{photos}", "{teacher}", "--layout", "256", "0"], "at least 32 pixels"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    photos: Path,
    tmp_path: Path,
    one_core: None,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    filled = [part.format(photos=photos, teacher=EMBEDDED) for part in arguments]
    assert main([filled[0], "--work", str(tmp_path / "none"), *filled[1:]]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="it would train")
def test_a_missing_gpu_is_said(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(photos), str(EMBEDDED), "--device", "cuda"]) == 1
    assert "no GPU" in capsys.readouterr().err


def test_blended_weights_lie_between() -> None:
    one, other = from_weights(EMBEDDED), from_imagenet(seed=0)
    first, second = one.state_dict(), other.state_dict()
    for share in (0.0, 0.25, 1.0):
        for key, value in blended(one, other, share).state_dict().items():
            if value.is_floating_point():
                expected = (1 - share) * first[key] + share * second[key]
                torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-4)


def test_stronger_labels_are_of_the_photo(photos: Path, labels: Path) -> None:
    label = np.load(label_path(labels, photos / "motorcycle_left.png")).astype(np.float32)
    assert label.shape[0] * label.shape[1] > SIZE[0] * SIZE[1]
    assert (label.min(), label.max()) == (0, 1)
    # Floor below, wall above.
    assert label[-20:].mean() > label[:20].mean() + 0.3
