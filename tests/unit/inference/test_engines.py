"""Engines answer as torch does, and the choice among them is proven, not assumed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from service.errors import ModelUnavailable, WeightsError
from service.imaging.transforms import DepthArray, Tensor
from service.inference.engines import selection
from service.inference.engines.base import EngineUnavailable, Reference, parity_of
from service.inference.engines.conversion import ConvertedNetwork
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.quantised import SHIPPED_INT8
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.inference.engines.torch_engine import TorchEngine
from service.machine.cpu import has_native_bf16
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.settings import EngineChoice, Precision, Settings

SPEC = find_spec("depth_lite_256")
SHAPES = [(1, 3, 192, 352), (3, 3, 192, 352), (2, 3, 256, 256), (1, 3, 32, 1024)]


@pytest.fixture(scope="module")
def reference_engine(settings: Settings) -> TorchEngine:
    path = WeightsStore(settings.weights_dir).verify(SPEC).path
    return TorchEngine(load_network(SPEC, path), Precision.FP32, threads=2)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_openvino_fp32_equals_torch(
    converted: ConvertedNetwork, reference_engine: TorchEngine, shape: tuple[int, ...]
) -> None:
    engine = OpenVinoEngine(converted.graph, Precision.FP32, threads=2)
    batch = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    expected = reference_engine.infer(batch)
    depth = engine.infer(batch)
    assert depth.shape == expected.shape == (shape[0], *shape[2:])
    assert np.abs(depth - expected).max() <= 1e-4 * np.ptp(expected)


_GROWTH = """
import sys
from pathlib import Path
import numpy as np
from load_tests.machine import anonymous_bytes
from service.inference.engines import openvino_engine
from service.settings import Precision

openvino_engine._LARGE_BYTES = 0
engine = openvino_engine.OpenVinoEngine(Path(sys.argv[1]), Precision.FP32, threads=2)
engine.infer(np.zeros((1, 3, 256, 256), np.float32))
before = anonymous_bytes()
engine.infer(np.zeros((1, 3, 1024, 2048), np.float32))
print((anonymous_bytes() - before) / 1e6)
"""


def test_a_large_network_gives_back_what_lies_between_its_layers(
    converted: ConvertedNetwork,
) -> None:
    command = [sys.executable, "-c", _GROWTH, str(converted.graph)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 60


_PLACES = """
import contextlib, glob, re, sys, threading
from pathlib import Path
import numpy as np
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.settings import Precision

engine = OpenVinoEngine(Path(sys.argv[1]), Precision.FP32, threads=2)
photo = np.zeros((1, 3, 192, 320), np.float32)
busy = threading.Thread(target=lambda: [engine.infer(photo) for _ in range(10)])
busy.start()
places = set()
while busy.is_alive():
    for status in map(Path, glob.glob("/proc/self/task/*/status")):
        with contextlib.suppress(OSError):  # The thread has ended.
            places |= set(re.findall(r"Cpus_allowed_list:\\s*(.+)", status.read_text()))
print(sorted(places))
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="one processor: nothing to choose from")
def test_no_thread_is_bound_to_a_processor(converted: ConvertedNetwork) -> None:
    """Else all services of one machine would share its first processors."""
    command = [sys.executable, "-c", _PLACES, str(converted.graph)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(ast.literal_eval(done.stdout)) == 1


def test_bf16_stays_within_its_tolerance(
    converted: ConvertedNetwork, reference_engine: TorchEngine
) -> None:
    if not has_native_bf16():
        with pytest.raises(EngineUnavailable):
            OpenVinoEngine(converted.graph, Precision.BF16, threads=2)
        return
    engine = OpenVinoEngine(converted.graph, Precision.BF16, threads=2)
    reference = converted.reference()
    parity = parity_of(engine.infer(reference.tensor), reference.depth)
    assert 0 < parity.mean <= selection.TOLERANCE[Precision.BF16]


def test_an_earlier_answer_is_not_overwritten_by_the_next_batch(
    converted: ConvertedNetwork,
) -> None:
    engine = OpenVinoEngine(converted.graph, Precision.FP32, threads=2)
    first = engine.infer(np.zeros((1, 3, 64, 64), np.float32))
    kept = first.copy()
    engine.infer(np.ones((1, 3, 64, 64), np.float32))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
def test_only_few_threads_take_a_batch_one_by_one(
    converted: ConvertedNetwork, precision: Precision
) -> None:
    graph = (SHIPPED_INT8 if precision is Precision.INT8 else converted).graph
    few, more = (OpenVinoEngine(graph, precision, threads) for threads in (2, 4))
    assert (few.one_by_one, more.one_by_one) == (True, False)


def test_batch_mates_do_not_change_the_answer(embedded: LoadedNetwork) -> None:
    batch = np.random.default_rng(0).standard_normal((4, 3, 192, 320), dtype=np.float32)
    together = embedded.engine.infer(batch)
    for index in range(4):
        alone = embedded.engine.infer(batch[index : index + 1])[0]
        assert np.abs(alone - together[index]).max() <= 0.02 * np.ptp(alone)


class WrongEngine:
    """An engine that is off by a share of the range."""

    name = "openvino"
    one_by_one = False

    def __init__(self, reference: Reference, share: float, precision: Precision) -> None:
        self.precision = precision
        self._depth = reference.depth + np.float32(share) * np.ptp(reference.depth)

    def infer(self, batch: Tensor) -> DepthArray:
        return self._depth


def test_an_engine_that_differs_from_torch_is_not_used(
    settings: Settings, converted: ConvertedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO, wrong in both precisions: torch serves."""

    def wrong(graph: Path, precision: Precision, threads: int, cache_dir: Path) -> WrongEngine:
        return WrongEngine(converted.reference(), 0.02, precision)

    monkeypatch.setattr("service.inference.engines.openvino_engine.OpenVinoEngine", wrong)
    network = load_for_serving(SPEC, settings)
    assert (network.engine.name, network.engine.precision) == ("torch", Precision.FP32)
    assert network.parity.mean <= 1e-6


def test_a_runtime_that_fails_in_its_own_words_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("Exception from src/inference: no such primitive")

    monkeypatch.setattr("service.inference.engines.openvino_engine.OpenVinoEngine", fails)
    network = load_for_serving(SPEC, settings)
    assert (network.engine.name, network.engine.precision) == ("torch", Precision.FP32)
    assert "no such primitive" in caplog.text


def test_weights_that_do_not_fit_are_not_tried_in_another_engine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = Mock(side_effect=WeightsError("not this network's"))
    monkeypatch.setattr("service.inference.engines.conversion.ensure_converted", refuse)
    asked = settings.model_copy(update={"precision": Precision.FP32})
    with pytest.raises(WeightsError, match="not this network's"):
        load_for_serving(SPEC, asked)


def test_bf16_that_is_not_good_enough_falls_back_to_fp32(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.models.precisions.has_native_bf16", lambda: True)
    monkeypatch.setitem(selection.TOLERANCE, Precision.BF16, 0.0)
    asked = settings.model_copy(update={"precision": Precision.BF16})
    network = load_for_serving(SPEC, asked)
    assert (network.engine.name, network.engine.precision) == ("openvino", Precision.FP32)


def test_torch_serves_where_openvino_is_not_installed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert load_for_serving(SPEC, settings).engine.name == "torch"


@pytest.mark.parametrize("choice", [EngineChoice.OPENVINO, EngineChoice.TORCH])
def test_the_engine_asked_for_is_used(settings: Settings, choice: EngineChoice) -> None:
    asked = settings.model_copy(update={"engine": choice, "precision": Precision.FP32})
    network = load_for_serving(SPEC, asked)
    assert (network.engine.name, network.engine.precision) == (choice, Precision.FP32)


def test_no_engine_at_all_is_an_honest_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for precision in selection.TOLERANCE:
        monkeypatch.setitem(selection.TOLERANCE, precision, -1.0)
    with pytest.raises(ModelUnavailable):
        load_for_serving(SPEC, settings)


def test_parity_of_nonsense_is_infinite(converted: ConvertedNetwork) -> None:
    depth = converted.reference().depth
    for wrong in (depth * np.float32(np.nan), depth[:, :-1]):
        assert parity_of(wrong, depth).mean == float("inf")
