"""The teacher's labels, with networks whose answers are known: the mean of a neighbourhood."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR
from training.student import from_weights
from training.teacher import Merging, Teacher, label_folder, label_path

EMBEDDED = EMBEDDED_DIR / find_spec("depth_lite_256").weights.file
SMALL = Merging(layout=(64, 96), details=(160,), sigma=0.05)


def written(path: Path, sign: int = 1, side: int | str = "side") -> Path:
    """Halves the photo, takes the channels' mean times ``sign``, and enlarges it again."""
    constants: dict[str, np.ndarray] = {
        "scales": np.array([1, 1, 2, 2], np.float32),
        "weights": np.full((1, 3, 1, 1), sign / 3, np.float32),
    }
    nodes = [
        helper.make_node("AveragePool", ["input"], ["h"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["h", "weights"], ["c"]),
        helper.make_node("Resize", ["c", "", "scales"], ["output"], mode="linear"),
    ]
    shape = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None, None])
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "mean", [shape], [output], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return written(tmp_path / "mean.onnx")


@pytest.fixture
def photo() -> np.ndarray:
    """Bright below, and a bright disc: nearer where brighter, for this teacher."""
    rows = np.linspace(0, 120, 160)[:, None].repeat(240, axis=1).astype(np.uint8)
    cv2.circle(rows, (70, 50), 30, 250, -1)
    return np.stack([rows] * 3, axis=2)


@pytest.mark.parametrize(("side", "shape"), [(64, (64, 64)), (96, (64, 128)), (256, (224, 320))])
def test_any_size(network: Path, photo: np.ndarray, side: int, shape: tuple[int, int]) -> None:
    depth = Teacher([network]).at_size(0, photo, side)
    expected = cv2.resize(photo[..., 0], shape[::-1], interpolation=cv2.INTER_AREA)
    assert depth.shape == shape
    assert np.corrcoef(depth.ravel(), expected.ravel().astype(float))[0, 1] > 0.98
    assert depth.mean() == pytest.approx(expected.mean(), rel=0.02)


def test_a_label_is_finer_than_its_layout(network: Path, photo: np.ndarray) -> None:
    teacher = Teacher([network], SMALL)
    label, layout = teacher.label(photo), teacher.layout(photo)
    assert label.size > 2 * layout.size
    truth = cv2.resize(photo[..., 0], label.shape[::-1]).astype(float)
    agreement = []
    for values in (label, layout):
        assert values.dtype == np.float32
        assert (values.min(), values.max()) == (0, 1)
        enlarged = cv2.resize(values, label.shape[::-1])
        agreement.append(np.corrcoef(enlarged.ravel(), truth.ravel())[0, 1])
    assert agreement[0] > agreement[1]


class TwoMinded(Teacher):
    """Small: nearer to the left. Large: nearest in the middle too, striped, in other units."""

    def at_size(self, voice: int, photo: np.ndarray, side: int) -> np.ndarray:
        own = super().at_size(voice, photo, side)
        across = np.linspace(0, 1, own.shape[1], dtype=np.float32)
        row = 1 - across
        if side in SMALL.details:
            stripes = 0.2 * (np.arange(len(across)) % 4 < 2)
            row = 300 + 40 * (row + np.sin(np.pi * across) + stripes)
        return np.asarray(row, np.float32)[None].repeat(len(own), axis=0)


def test_layout_is_of_small_sizes_and_detail_of_large_ones(
    network: Path, photo: np.ndarray
) -> None:
    teacher = TwoMinded([network], SMALL)
    label = teacher.label(photo)
    width = label.shape[1]
    middle = slice(width // 8, -width // 8)
    broad = cv2.blur(label, (4, 1))
    assert (label - broad)[:, middle].std() > 0.02
    straight = np.linspace(1, 0, width)[middle]
    assert np.corrcoef(broad[0, middle], straight)[0, 1] > 0.99
    fine = cv2.blur(teacher.at_size(0, photo, SMALL.details[0]), (4, 1))
    assert np.corrcoef(fine[0, middle], straight)[0, 1] < 0.9


def test_several_teachers_count_the_same(tmp_path: Path, photo: np.ndarray) -> None:
    """Whatever their units: two against one outvote it, and two that contradict say nothing."""
    yes, no = written(tmp_path / "yes.onnx"), written(tmp_path / "no.onnx", sign=-100)
    alone = Teacher([yes], SMALL).label(photo)
    outvoted = Teacher([yes, no, yes], SMALL).label(photo)
    assert np.corrcoef(alone.ravel(), outvoted.ravel())[0, 1] > 0.99
    teacher = Teacher([yes, no], SMALL)
    left = teacher._mean(photo, SMALL.layout, (64, 64))
    assert np.abs(left).max() < 1e-3


def test_the_embedded_network_teaches_what_it_knows(network: Path, photo: np.ndarray) -> None:
    teacher = Teacher([network, EMBEDDED], SMALL)
    taught = teacher.at_size(1, photo, 96)
    height, width = taught.shape
    resized = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    image = torch.from_numpy(resized.astype(np.float32).transpose(2, 0, 1)[None]) / 255
    with torch.no_grad():
        student = from_weights(EMBEDDED).eval()
        straight, mirrored = student(image), student(image.flip(3))
    known = (straight + mirrored.flip(2))[0].relu().numpy() / 2
    assert np.corrcoef(taught.ravel(), known.ravel())[0, 1] > 0.99


def test_the_mean_with_the_mirror_is_symmetric(network: Path, photo: np.ndarray) -> None:
    teacher = Teacher([network])
    straight = teacher.layout(photo)
    mirrored = teacher.layout(np.ascontiguousarray(photo[:, ::-1]))
    assert np.abs(straight - mirrored[:, ::-1]).max() < 1e-3


def test_fingerprints_tell_labels_apart(network: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.onnx", sign=-1)
    teachers = [
        ([network], SMALL),
        ([other], SMALL),
        ([network, other], SMALL),
        ([network], Merging((64,), (160,), 0.05)),
        ([network], Merging((64, 96), (160, 192), 0.05)),
        ([network], Merging((64, 96), (160,), 0.06)),
    ]
    prints = [Teacher(files, merging).fingerprint for files, merging in teachers]
    assert all(one != another for one, another in combinations(prints, 2))
    assert Teacher([network], SMALL).fingerprint == prints[0]


def test_labelling_goes_on_where_it_stopped(
    network: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    photos, labels = tmp_path / "photos", tmp_path / "labels"
    for name in ("a.png", "sub/b.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(photos / name), photo)
        photo = photo[:, ::-1]
    (photos / "broken.png").write_bytes(b"not a photo")
    teacher = Teacher([network], SMALL)
    label_folder(teacher, photos, labels)
    first, second = (label_path(labels, photos / name) for name in ("a.png", "sub/b.png"))
    assert np.load(first).dtype == np.float16
    assert set(labels.iterdir()) == {first, second}
    written_at = first.stat().st_mtime_ns
    second.unlink()
    label_folder(teacher, photos, labels)
    assert first.stat().st_mtime_ns == written_at
    assert second.exists()


def test_what_cannot_teach_is_said(tmp_path: Path) -> None:
    file = tmp_path / "teacher.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="no network"):
        Teacher([file])
    with pytest.raises(ValueError, match="one size only"):
        Teacher([written(tmp_path / "fixed.onnx", side=64)])
