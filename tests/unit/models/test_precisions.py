"""Which precision a network is tried in first, and what size goes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.models import precisions as module
from service.models.choice import NetworkChoice
from service.models.precisions import precisions
from service.models.registry import find_spec
from service.models.served_networks import ServedNetworks
from service.models.spec import Quality
from service.models.weights import WeightsStore
from service.settings import EngineChoice, Precision, Settings
from tests.conftest import MIDAS

EMBEDDED = "depth_lite_256"
FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8


def processor(monkeypatch: pytest.MonkeyPatch, *, bf16: bool, int8: bool) -> None:
    monkeypatch.setattr(module, "has_native_bf16", lambda: bf16)
    monkeypatch.setattr(module, "has_native_int8", lambda: int8)


@pytest.mark.parametrize(
    ("name", "wanted", "bf16", "int8", "tried"),
    [
        (EMBEDDED, "auto", True, True, [INT8, BF16, FP32]),
        (EMBEDDED, "auto", False, True, [INT8, FP32]),
        (EMBEDDED, "auto", False, False, [FP32]),
        (EMBEDDED, "fp32", True, True, [FP32]),
        (EMBEDDED, "bf16", True, True, [BF16, FP32]),
        (EMBEDDED, "int8", False, False, [INT8, FP32]),
        # Nobody has calibrated it, unless somebody says so.
        (MIDAS, "auto", True, True, [BF16, FP32]),
        (MIDAS, "auto", False, True, [FP32]),
        (MIDAS, "int8", True, True, [INT8, BF16, FP32]),
    ],
)
def test_auto_takes_what_is_fastest_on_the_processor(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    wanted: str,
    bf16: bool,
    int8: bool,
    tried: list[Precision],
) -> None:
    processor(monkeypatch, bf16=bf16, int8=int8)
    settings = Settings(precision=Precision(wanted))
    assert list(precisions(find_spec(name), settings)) == tried


def own_weights(store: WeightsStore) -> None:
    """A user's in the place of the embedded ones."""
    store.folder.mkdir()
    own = store.folder.with_name("own.safetensors")
    own.write_bytes(b"weights")
    store.install_custom(find_spec(EMBEDDED), own)


def usual(weights_dir: Path, name: str = EMBEDDED, **settings: Any) -> int:
    served = ServedNetworks.of(Settings(weights_dir=weights_dir, **settings))
    return served.choose(NetworkChoice(name)).input_rule.target


def test_int8_buys_the_embedded_network_a_larger_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, bf16=True, int8=True)
    assert usual(tmp_path) == 288
    assert usual(tmp_path, MIDAS) == usual(tmp_path, precision=FP32) == 256
    assert usual(tmp_path, engine=EngineChoice.TORCH) == 256
    assert usual(tmp_path, resolution=320) == 320


def test_without_int8_nothing_gets_slower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, bf16=True, int8=False)
    assert usual(tmp_path) == 256


def test_what_a_request_asks_for_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, bf16=True, int8=True)
    served = ServedNetworks.of(Settings(weights_dir=tmp_path))
    assert served.choose(NetworkChoice(EMBEDDED, resolution=256)).input_rule.target == 256
    assert served.choose(NetworkChoice(EMBEDDED, quality=Quality.FAST)).input_rule.target == 192


def test_weights_of_a_user_s_own_have_the_official_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The int8 graph that ships is of other weights."""
    processor(monkeypatch, bf16=True, int8=True)
    own_weights(WeightsStore(tmp_path / "store"))
    assert usual(tmp_path / "store") == 256


def test_auto_takes_int8_for_the_weights_that_ship_in_it_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be tried in vain is not tried: it was logged as damaged at each start."""
    processor(monkeypatch, bf16=False, int8=True)
    settings = Settings(weights_dir=tmp_path / "store")
    spec = find_spec(EMBEDDED)
    assert list(precisions(spec, settings)) == [INT8, FP32]
    own_weights(WeightsStore(settings.weights_dir))
    assert list(precisions(spec, settings)) == [FP32]


def test_sizes_follow_weights_that_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a server that runs on answers like one that starts now."""
    processor(monkeypatch, bf16=False, int8=True)
    store = WeightsStore(tmp_path / "store")
    served = ServedNetworks.of(Settings(weights_dir=store.folder))
    assert served.choose(NetworkChoice(EMBEDDED)).input_rule.target == 288
    own_weights(store)
    served.follow_weights()
    assert served.choose(NetworkChoice(EMBEDDED)).input_rule.target == 256
