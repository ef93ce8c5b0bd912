"""What OpenVINO compiled is kept, and read only where it is whole and of the same network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import openvino.opset15 as ops
import pytest

from service.imaging.transforms import DepthArray
from service.inference.engines import openvino_engine
from service.inference.engines.conversion import SHIPPED
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.quantised import SHIPPED_INT8
from service.machine.cpu import has_native_bf16
from service.settings import Precision

PHOTO = np.random.default_rng(0).standard_normal((1, 3, 64, 96), dtype=np.float32)
INT8 = (SHIPPED_INT8.graph, Precision.INT8)


def answer(
    cache_dir: Path | None, graph: Path, precision: Precision = Precision.FP32, threads: int = 1
) -> DepthArray:
    return OpenVinoEngine(graph, precision, threads, cache_dir).infer(PHOTO)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of one convolution, compiled in no time."""
    graph = tmp_path_factory.mktemp("tiny") / "openvino_model.xml"
    photo = ops.parameter([-1, 3, -1, -1], np.float32)
    weights = np.random.default_rng(1).standard_normal((1, 3, 3, 3), dtype=np.float32)
    convolved = ops.convolution(photo, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
    depth = ops.squeeze(convolved, ops.constant([1]))
    openvino.save_model(openvino.Model([depth], [photo]), graph, compress_to_fp16=False)
    return graph


def refuse(*_: object) -> None:
    raise AssertionError("it is compiled anew")


@pytest.mark.parametrize(
    ("graph", "precision"),
    [INT8, (SHIPPED.graph, Precision.FP32), (SHIPPED.graph, Precision.BF16)],
)
def test_what_was_kept_answers_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graph: Path, precision: Precision
) -> None:
    if precision is Precision.BF16 and not has_native_bf16():
        pytest.skip("this CPU has no bfloat16 instructions")
    compiled = answer(tmp_path / "new", graph, precision)
    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    assert np.array_equal(answer(tmp_path / "new", graph, precision), compiled)


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-1],
        lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    ],
)
def test_what_is_damaged_is_made_again(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[bytes], bytes]
) -> None:
    compiled = answer(tmp_path, tiny)
    (file,) = tmp_path.iterdir()
    damaged = harm(file.read_bytes())
    file.write_bytes(damaged)
    assert np.array_equal(answer(tmp_path, tiny), compiled)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() != damaged
    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    assert np.array_equal(answer(tmp_path, tiny), compiled)


def test_another_network_or_configuration_is_another_file(tmp_path: Path, tiny: Path) -> None:
    answer(tmp_path, tiny)
    answer(tmp_path, tiny, threads=2)
    answer(tmp_path, INT8[0])
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, tiny: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    assert np.array_equal(answer(file, tiny), answer(None, tiny))


def test_a_large_network_is_not_kept(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = tiny.with_suffix(".bin").stat().st_size
    monkeypatch.setattr(openvino_engine, "_KEPT_BYTES", size - 1)
    answer(tmp_path, tiny)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(openvino_engine, "_KEPT_BYTES", size)
    answer(tmp_path, tiny)
    assert list(tmp_path.iterdir())
