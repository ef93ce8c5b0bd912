"""Engines answer as torch does, and the choice among them is proven, not assumed."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.errors import ModelUnavailable
from service.imaging.transforms import DepthArray, Tensor
from service.inference.engines import selection
from service.inference.engines.base import EngineUnavailable, Reference, measure_parity
from service.inference.engines.conversion import ConvertedNetwork, ensure_converted
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.inference.engines.torch_engine import TorchEngine, reference_for
from service.inference.threads import has_native_bf16
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.settings import EngineChoice, Precision, Settings

SPEC = find_spec("depth_lite_256")
SHAPES = [(1, 3, 192, 352), (3, 3, 192, 352), (2, 3, 256, 256), (1, 3, 32, 1024)]


@pytest.fixture(scope="module")
def converted(settings: Settings) -> ConvertedNetwork:
    return ensure_converted(
        SPEC, WeightsStore(settings.weights_dir).verify(SPEC), settings.cache_dir
    )


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


def test_batch_norms_are_folded_into_the_converted_weights(converted: ConvertedNetwork) -> None:
    """Else loading would make a copy in memory of weights that can be mapped from the file."""
    assert 'type="BatchNormInference"' not in converted.graph.read_text()


_GROWTH = """
import sys
from pathlib import Path
import numpy as np
from load_tests.networks import anonymous_bytes
from service.inference.engines import openvino_engine
from service.settings import Precision

openvino_engine._LARGE_BYTES = 0
engine = openvino_engine.OpenVinoEngine(Path(sys.argv[1]), Precision.FP32, threads=2)
engine.infer(np.zeros((1, 3, 256, 256), np.float32))
before = anonymous_bytes()
engine.infer(np.zeros((8, 3, 512, 512), np.float32))
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
    parity = measure_parity(engine, converted.reference())
    assert 0 < parity.mean <= selection.TOLERANCE[Precision.BF16]


def test_an_earlier_answer_is_not_overwritten_by_the_next_batch(
    converted: ConvertedNetwork,
) -> None:
    engine = OpenVinoEngine(converted.graph, Precision.FP32, threads=2)
    first = engine.infer(np.zeros((1, 3, 64, 64), np.float32))
    kept = first.copy()
    engine.infer(np.ones((1, 3, 64, 64), np.float32))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    ("threads", "calls"), [(2, [(1, 3, 64, 64)] * 3), (4, [(3, 3, 64, 64)])], ids=str
)
def test_few_threads_take_a_batch_photo_by_photo_in_fp32(
    converted: ConvertedNetwork,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    calls: list[tuple[int, ...]],
) -> None:
    engine = OpenVinoEngine(converted.graph, Precision.FP32, threads)
    batch = np.random.default_rng(0).standard_normal((3, 3, 64, 64), dtype=np.float32)
    each = [engine.infer(photo) for photo in np.split(batch, 3)]
    seen: list[tuple[int, ...]] = []
    infer = engine._infer

    def spy(call: Tensor) -> DepthArray:
        seen.append(call.shape)
        return infer(call)

    monkeypatch.setattr(engine, "_infer", spy)
    assert np.allclose(engine.infer(batch), np.concatenate(each), rtol=1e-4)
    assert seen == calls


def test_batch_mates_do_not_change_the_answer(embedded: LoadedNetwork) -> None:
    batch = np.random.default_rng(0).standard_normal((4, 3, 192, 320), dtype=np.float32)
    together = embedded.engine.infer(batch)
    for index in range(4):
        alone = embedded.engine.infer(batch[index : index + 1])[0]
        assert np.abs(alone - together[index]).max() <= 0.02 * np.ptp(alone)


def test_the_stored_reference_is_torchs_answer(
    converted: ConvertedNetwork, settings: Settings
) -> None:
    path = WeightsStore(settings.weights_dir).verify(SPEC).path
    fresh = reference_for(load_network(SPEC, path), SPEC.input_rule)
    stored = converted.reference()
    assert np.array_equal(stored.tensor, fresh.tensor)
    assert np.abs(stored.depth - fresh.depth).max() <= 1e-5


def test_conversion_is_reused(converted: ConvertedNetwork, settings: Settings) -> None:
    before = converted.graph.stat().st_mtime_ns
    again = ensure_converted(
        SPEC, WeightsStore(settings.weights_dir).verify(SPEC), settings.cache_dir
    )
    assert again == converted
    assert again.graph.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["network.bin", "reference.npz", "checksums.json"])
def test_a_damaged_conversion_is_made_again(
    converted: ConvertedNetwork,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    folder = tmp_path / converted.folder.name
    shutil.copytree(converted.folder, folder)
    (folder / name).write_bytes(b"{}")
    made: list[Path] = []

    def convert(spec: object, weights: object, target: Path) -> None:
        made.append(target)
        shutil.copytree(converted.folder, target / SPEC.name)

    monkeypatch.setattr("service.inference.engines.conversion._convert_in_child", convert)
    again = ensure_converted(SPEC, WeightsStore(settings.weights_dir).verify(SPEC), tmp_path)
    assert len(made) == 1
    assert again.folder == folder
    assert again.reference().depth.size


def test_conversion_works_without_a_writable_cache(settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way of the folder")
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    graph = ensure_converted(SPEC, weights, blocked / "cache").graph
    assert graph.is_file()
    # Nobody else may leave a network of theirs there.
    assert graph.parents[1].stat().st_mode & 0o077 == 0
    assert graph.parents[1].stat().st_uid == os.getuid()


def test_a_converted_network_serves_where_torch_is_not_installed(
    converted: ConvertedNetwork, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.inference.engines.conversion._torch_installed", lambda: False)
    monkeypatch.setattr(selection, "torch_installed", lambda: False)
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    assert ensure_converted(SPEC, weights, settings.cache_dir).graph.is_file()
    assert load_for_serving(SPEC, settings).engine.name == "openvino"


def test_without_torch_and_conversion_the_network_is_unavailable(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.inference.engines.conversion._torch_installed", lambda: False)
    monkeypatch.setattr(selection, "torch_installed", lambda: False)
    with pytest.raises(ModelUnavailable):
        load_for_serving(SPEC, settings.model_copy(update={"cache_dir": tmp_path}))


def test_a_conversion_in_a_folder_that_cannot_be_written_is_used(
    converted: ConvertedNetwork, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as an image's; root can write anywhere, so the attempt itself fails here."""

    def refuse(cache_dir: Path) -> Path:
        raise AssertionError("it tried to write")

    monkeypatch.setattr("service.inference.engines.conversion._writable", refuse)
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    assert ensure_converted(SPEC, weights, settings.cache_dir) == converted


class WrongEngine:
    """An engine that is off by a share of the range."""

    name = "openvino"

    def __init__(self, reference: Reference, share: float, precision: Precision) -> None:
        self.precision = precision
        self._depth = reference.depth + np.float32(share) * np.ptp(reference.depth)

    def infer(self, batch: Tensor) -> DepthArray:
        return self._depth


def test_an_engine_that_differs_from_torch_is_not_used(
    settings: Settings, converted: ConvertedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO, wrong in both precisions: torch serves."""

    def wrong(graph: Path, precision: Precision, threads: int) -> WrongEngine:
        return WrongEngine(converted.reference(), 0.02, precision)

    monkeypatch.setattr("service.inference.engines.openvino_engine.OpenVinoEngine", wrong)
    network = load_for_serving(SPEC, settings)
    assert (network.engine.name, network.engine.precision) == ("torch", Precision.FP32)
    assert network.parity.mean <= 1e-6


def test_bf16_that_is_not_good_enough_falls_back_to_fp32(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "has_native_bf16", lambda: True)
    monkeypatch.setitem(selection.TOLERANCE, Precision.BF16, 0.0)
    network = load_for_serving(SPEC, settings)
    assert (network.engine.name, network.engine.precision) == ("openvino", Precision.FP32)


def test_torch_serves_where_openvino_is_not_installed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "openvino_installed", lambda: False)
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
    reference = converted.reference()
    nan = replace(reference, depth=reference.depth * np.float32(np.nan))
    for wrong in (nan, replace(reference, depth=reference.depth[:, :-1])):
        engine = WrongEngine(wrong, 0.0, Precision.FP32)
        assert measure_parity(engine, reference).mean == float("inf")
