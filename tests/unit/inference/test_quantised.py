"""int8: what ships is found, checked against its own answer, and done without where it is wrong."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.inference.engines import quantised
from service.inference.engines.base import EngineUnavailable, parity_of
from service.inference.engines.conversion import ConvertedNetwork, write_checksums
from service.inference.engines.quantised import SHIPPED_INT8, find_quantised, quantised_folder
from service.inference.engines.selection import load_for_serving, loaded_bytes
from service.machine.cpu import has_native_int8
from service.models.registry import find_spec
from service.models.weights import Origin, VerifiedWeights, WeightsStore
from service.settings import Precision, Settings
from tests.conftest import MIDAS

SPEC = find_spec("depth_lite_256")
needs_int8 = pytest.mark.skipif(not has_native_int8(), reason="the processor has no VNNI")


@pytest.fixture
def int8(settings: Settings) -> Settings:
    return settings.model_copy(update={"precision": Precision.INT8})


@pytest.fixture
def weights(settings: Settings) -> VerifiedWeights:
    return WeightsStore(settings.weights_dir).verify(SPEC)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConvertedNetwork]:
    """A copy of what ships, in its place, to do harm to."""
    copy = ConvertedNetwork(tmp_path / "openvino_int8")
    shutil.copytree(SHIPPED_INT8.folder, copy.folder)
    monkeypatch.setattr(quantised, "SHIPPED_INT8", copy)
    yield copy


@needs_int8
def test_what_ships_repeats_its_own_answer_and_is_near_to_torch(int8: Settings) -> None:
    network = load_for_serving(SPEC, int8)
    assert (network.engine.name, network.engine.precision) == ("openvino", Precision.INT8)
    reference = SHIPPED_INT8.reference()
    assert reference.own is not None
    depth = network.engine.infer(reference.tensor)
    assert parity_of(depth, reference.own).mean <= 1e-6
    assert 0.001 < parity_of(depth, reference.depth).mean < 0.02


def test_what_ships_is_half_of_fp16_s_size() -> None:
    size = SHIPPED_INT8.graph.with_suffix(".bin").stat().st_size
    assert size < 4_200_000


@needs_int8
def test_it_starts_without_torch_and_without_what_made_it(
    int8: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "timm", "nncf"):
        monkeypatch.setitem(sys.modules, package, None)
    offline = int8.model_copy(update={"cache_dir": tmp_path / "nothing-converted"})
    assert load_for_serving(SPEC, offline).engine.precision is Precision.INT8
    # Nothing was converted: there is only what OpenVINO compiled.
    assert {path.suffix for path in offline.cache_dir.rglob("*")} == {".blob"}


def float_instead(settings: Settings) -> None:
    network = load_for_serving(SPEC, settings)
    assert network.engine.precision in (Precision.FP32, Precision.BF16)


@pytest.mark.parametrize("name", ["network.xml", "network.bin", "reference.npz", "checksums.json"])
def test_a_damaged_graph_is_not_used(
    shipped: ConvertedNetwork, int8: Settings, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (shipped.folder / name).write_bytes(b"{}")
    float_instead(int8)
    assert "int8 graph is damaged" in caplog.text


def test_a_graph_that_answers_otherwise_than_where_it_was_made_is_not_used(
    shipped: ConvertedNetwork,
    int8: Settings,
    weights: VerifiedWeights,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on a processor that cuts sums off: nearer to torch or not, it is not what was judged."""
    reference = shipped.reference()
    assert reference.own is not None
    moved = reference.own + np.float32(0.002) * np.ptp(reference.own)
    shipped.write_reference(replace(reference, own=moved))
    write_checksums(shipped, weights=weights.sha256)
    float_instead(int8)
    assert "does not answer as it did where it was made" in caplog.text


def test_other_weights_are_not_what_was_quantised(weights: VerifiedWeights, tmp_path: Path) -> None:
    assert find_quantised(SPEC, weights, tmp_path) == SHIPPED_INT8
    own = replace(weights, sha256="0" * 64, origin=Origin.CUSTOM)
    with pytest.raises(EngineUnavailable, match=r"has not been made: .* --calibration FOLDER"):
        find_quantised(SPEC, own, tmp_path)


def test_a_user_s_own_graph_comes_before_the_one_that_ships(
    weights: VerifiedWeights, tmp_path: Path
) -> None:
    own = quantised_folder(SPEC, weights, tmp_path)
    shutil.copytree(SHIPPED_INT8.folder, own.folder)
    assert find_quantised(SPEC, weights, tmp_path) == own


def test_room_is_kept_for_fp32_until_a_network_is_quantised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.models.precisions.has_native_bf16", lambda: False)
    midas = find_spec(MIDAS)
    asked = Settings(precision=Precision.INT8, cache_dir=tmp_path)
    exact = loaded_bytes(midas, Settings(precision=Precision.FP32))
    assert loaded_bytes(midas, asked) == exact
    (tmp_path / f"int8-{MIDAS}-0").mkdir()
    assert loaded_bytes(midas, asked) < exact


def test_why_int8_is_not_used_is_logged(
    shipped: ConvertedNetwork, int8: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(shipped.folder)
    with caplog.at_level(logging.WARNING):
        float_instead(int8)
    assert "depth_lite_256 cannot run in openvino int8" in caplog.text
