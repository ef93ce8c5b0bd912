"""The teacher's labels, with a network whose answer is known: the mean of its neighbourhood."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.teacher import Teacher, label_folder, label_path

HEIGHT, WIDTH = 64, 96


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Halves the photo, shuffles channels there and back, adds the channels, enlarges again.

    Sizes are constants of the graph, as exporters write them.
    """
    half = (HEIGHT // 2, WIDTH // 2)
    constants: dict[str, np.ndarray] = {
        "split": np.array([3, 1, half[0] * half[1]], np.int64),
        "joined": np.array([1, 3, *half], np.int64),
        "sizes": np.array([1, 1, HEIGHT, WIDTH], np.int64),
        "weights": np.full((1, 3, 1, 1), 1 / 3, np.float32),
    }
    nodes = [
        helper.make_node("AveragePool", ["input"], ["h"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["h", "split"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("Reshape", ["r", "joined"], ["j"]),
        helper.make_node("Conv", ["j", "weights"], ["c"]),
        helper.make_node("Resize", ["c", "", "", "sizes"], ["output"], mode="linear"),
    ]
    shape = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, HEIGHT, WIDTH])
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "mean", [shape], [output], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    path = tmp_path / "mean.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def photo() -> np.ndarray:
    """Bright below, and a bright disc: nearer where brighter, for this teacher."""
    rows = np.linspace(0, 120, 160)[:, None].repeat(240, axis=1).astype(np.uint8)
    cv2.circle(rows, (70, 50), 30, 250, -1)
    return np.stack([rows] * 3, axis=2)


@pytest.mark.parametrize(("height", "width"), [(HEIGHT, WIDTH), (96, 96), (128, 192), (64, 160)])
def test_any_size(network: Path, photo: np.ndarray, height: int, width: int) -> None:
    depth = Teacher(network).at_size(photo, height, width)
    expected = cv2.resize(photo[..., 0], (width, height), interpolation=cv2.INTER_AREA)
    assert depth.shape == (height, width)
    assert np.corrcoef(depth.ravel(), expected.ravel().astype(float))[0, 1] > 0.98
    assert depth.mean() == pytest.approx(expected.mean(), rel=0.02)


def test_a_label_is_finer_than_the_teachers_own_map(network: Path, photo: np.ndarray) -> None:
    teacher = Teacher(network, details=(2.0,))
    label = teacher.label(photo)
    assert label.shape[0] * label.shape[1] > 3 * HEIGHT * WIDTH
    assert label.dtype == np.float32
    assert (label.min(), label.max()) == (0, 1)
    own = cv2.resize(teacher.own_size(photo), label.shape[::-1])
    truth = cv2.resize(photo[..., 0], label.shape[::-1]).astype(float)
    agreement = [np.corrcoef(map.ravel(), truth.ravel())[0, 1] for map in (label, own)]
    assert agreement[0] > agreement[1]


class TwoMinded(Teacher):
    """At its own size: nearer to the left. At any other: nearest in the middle too, and striped."""

    def own_size(self, photo: np.ndarray) -> np.ndarray:
        return np.linspace(1, 0, WIDTH, dtype=np.float32)[None].repeat(HEIGHT, axis=0)

    def at_size(self, photo: np.ndarray, height: int, width: int) -> np.ndarray:
        across = np.linspace(0, 1, width, dtype=np.float32)
        stripes = 0.2 * (np.arange(width) % 4 < 2)
        row = 1 - across + np.sin(np.pi * across) + stripes
        return np.asarray(row, np.float32)[None].repeat(height, axis=0)


def test_layout_is_of_the_own_size_and_detail_of_the_larger(
    network: Path, photo: np.ndarray
) -> None:
    teacher = TwoMinded(network, layout=0.05, details=(2.0,))
    label = teacher.label(photo)
    height, width = label.shape
    middle = slice(width // 8, -width // 8)
    broad = cv2.blur(label, (4, 1))
    stripes = (label - broad)[:, middle]
    assert stripes.std() > 0.04
    straight = np.linspace(1, 0, width)[middle]
    assert np.corrcoef(broad[0, middle], straight)[0, 1] > 0.999
    fine = cv2.blur(teacher.at_size(photo, height, width), (4, 1))
    assert np.corrcoef(fine[0, middle], straight)[0, 1] < 0.9


def test_what_contradicts_the_layout_adds_nothing(network: Path, photo: np.ndarray) -> None:
    class Contrary(TwoMinded):
        def at_size(self, photo: np.ndarray, height: int, width: int) -> np.ndarray:
            return -super().at_size(photo, height, width)

    label = Contrary(network, layout=0.05, details=(2.0,)).label(photo)
    across = label[0, 8:-8]
    assert (np.diff(across) < 0).all()


def test_the_mean_with_the_mirror_is_symmetric(network: Path, photo: np.ndarray) -> None:
    teacher = Teacher(network)
    straight = teacher.own_size(photo)
    mirrored = teacher.own_size(np.ascontiguousarray(photo[:, ::-1]))
    assert np.abs(straight - mirrored[:, ::-1]).max() < 1e-3


def test_fingerprints_tell_labels_apart(network: Path) -> None:
    prints = {
        Teacher(network, layout, details).fingerprint
        for layout in (0.1, 0.2)
        for details in ((1.5,), (2.0,), (1.5, 2.0))
    }
    assert len(prints) == 6
    assert Teacher(network).fingerprint == Teacher(network).fingerprint


def test_labelling_goes_on_where_it_stopped(
    network: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    photos, labels = tmp_path / "photos", tmp_path / "labels"
    for name in ("a.png", "sub/b.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(photos / name), photo)
        photo = photo[:, ::-1]
    (photos / "broken.png").write_bytes(b"not a photo")
    label_folder(Teacher(network), photos, labels)
    first, second = (label_path(labels, photos / name) for name in ("a.png", "sub/b.png"))
    assert np.load(first).dtype == np.float16
    assert set(labels.iterdir()) == {first, second}
    written = first.stat().st_mtime_ns
    second.unlink()
    label_folder(Teacher(network), photos, labels)
    assert first.stat().st_mtime_ns == written
    assert second.exists()


def test_what_is_no_network_is_said(tmp_path: Path) -> None:
    file = tmp_path / "teacher.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="no network"):
        Teacher(file)
