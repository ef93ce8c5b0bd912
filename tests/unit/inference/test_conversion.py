"""A network is converted once, with all that loading it would else do again, and kept."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from safetensors.torch import load_file, save_file
from timm.models.vision_transformer import Block
from torch import nn

import service
from service.errors import WeightsError
from service.imaging.network_input import network_input
from service.inference.engines import conversion
from service.inference.engines.base import EngineUnavailable
from service.inference.engines.conversion import (
    SHIPPED,
    ConvertedNetwork,
    ensure_converted,
    keep_converted,
)
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.selection import load_for_serving
from service.inference.engines.torch_engine import reference_for
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.weights import VerifiedWeights, WeightsStore
from service.settings import EngineChoice, Precision, Settings
from tests.support.photos import photo_bytes
from training.ship import ship

SPEC = find_spec("depth_lite_256")


def test_batch_norms_are_folded_into_the_converted_weights(converted: ConvertedNetwork) -> None:
    """Else loading would make a copy in memory of weights that can be mapped from the file."""
    assert 'type="BatchNormInference"' not in converted.graph.read_text()


class _Scaled(nn.Module):
    """A network of one transformer block, whose branches are scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 16, 16)
        self.block = Block(16, num_heads=2, init_values=0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        patches = self.patches(image)
        tokens = self.block(patches.flatten(2).transpose(1, 2))
        depth: torch.Tensor = tokens.transpose(1, 2).reshape(patches.shape).mean(1)
        return depth


def test_layer_scales_are_folded_into_the_converted_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = _Scaled().eval().requires_grad_(False)
    monkeypatch.setattr("service.models.checkpoint.load_network", lambda *_: network)
    conversion._convert(SPEC, Path("unused"), "unused", tmp_path / SPEC.name)
    model = openvino.Core().read_model(tmp_path / SPEC.name / "network.xml")
    operations = [
        (target.get_node().get_type_name(), operation.get_type_name())
        for operation in model.get_ops()
        for output in operation.outputs()
        for target in output.get_target_inputs()
    ]
    assert ("Add", "MatMul") in operations
    assert ("Multiply", "MatMul") not in operations


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


@pytest.mark.parametrize(
    ("source", "makes_a_network"),
    [
        *((f"networks/{name}.py", True) for name in ("midas", "refinenet", "layer_scale")),
        *((f"imaging/{name}.py", True) for name in ("network_input", "transforms")),
        *((f"inference/engines/{name}.py", True) for name in ("conversion", "torch_engine")),
        ("models/checkpoint.py", True),
        *((f"imaging/{name}.py", False) for name in ("decode", "tiff", "encode", "png")),
        *(("decoding/frames.py", False), ("api/depth.py", False), ("models/registry.py", False)),
    ],
)
def test_a_network_is_converted_anew_when_what_makes_it_changes(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    makes_a_network: bool,
) -> None:
    package = shutil.copytree(
        Path(service.__file__).parent, tmp_path / "service", ignore=_all_but_sources
    )
    monkeypatch.setattr(conversion, "__file__", str(package / "inference/engines/conversion.py"))
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    before = conversion._cache_key(SPEC, weights)
    with (package / source).open("a") as file:
        file.write("# changed\n")
    assert (conversion._cache_key(SPEC, weights) != before) == makes_a_network


def _all_but_sources(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder, name).is_file() and not name.endswith(".py")]


def exchanged_after_verifying(store: WeightsStore) -> VerifiedWeights:
    """Own weights that were found right, and in whose place others of the same network now lie."""
    state = load_file(store.verify(SPEC).path)
    own = store.folder / "own.safetensors"
    store.create()
    save_file(state, own)
    verified = store.install_custom(SPEC, own)
    save_file({key: value * 2 for key, value in state.items()}, verified.path)
    return verified


def test_weights_exchanged_after_verifying_are_not_converted(tmp_path: Path) -> None:
    weights = exchanged_after_verifying(WeightsStore(tmp_path / "weights"))
    cache = tmp_path / "cache"
    with pytest.raises(WeightsError, match="exchanged"):
        ensure_converted(SPEC, weights, cache)
    assert not list(cache.rglob("network.xml"))


def test_weights_exchanged_after_verifying_are_not_loaded_in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = exchanged_after_verifying(WeightsStore(tmp_path))
    monkeypatch.setattr(WeightsStore, "verify", lambda *_: weights)
    with pytest.raises(WeightsError, match="exchanged"):
        load_for_serving(SPEC, Settings(weights_dir=tmp_path, engine=EngineChoice.TORCH))


@pytest.fixture
def made(converted: ConvertedNetwork, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where networks were converted to: each is a copy of one that was converted before."""
    made: list[Path] = []

    def convert(spec: object, weights: object, target: Path) -> None:
        made.append(target)
        shutil.copytree(converted.folder, target / SPEC.name)

    monkeypatch.setattr(conversion, "_convert_in_child", convert)
    return made


@pytest.mark.parametrize("name", ["network.bin", "reference.npz", "checksums.json"])
def test_a_damaged_conversion_is_made_again(
    converted: ConvertedNetwork, settings: Settings, tmp_path: Path, made: list[Path], name: str
) -> None:
    folder = tmp_path / converted.folder.name
    shutil.copytree(converted.folder, folder)
    (folder / name).write_bytes(b"{}")
    again = ensure_converted(SPEC, WeightsStore(settings.weights_dir).verify(SPEC), tmp_path)
    assert len(made) == 1
    assert again.folder == folder
    assert again.reference().depth.size


def test_conversion_works_without_a_writable_cache(
    settings: Settings, tmp_path: Path, made: list[Path]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way of the folder")
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    graph = ensure_converted(SPEC, weights, blocked / "cache").graph
    assert graph.is_file()
    assert [target.parent for target in made] == [graph.parents[1]]
    # Nobody else may leave a network of theirs there.
    assert graph.parents[1].stat().st_mode & 0o077 == 0
    assert graph.parents[1].stat().st_uid == os.getuid()


def test_a_converted_network_serves_where_torch_is_not_installed(
    converted: ConvertedNetwork, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    assert ensure_converted(SPEC, weights, settings.cache_dir).graph.is_file()
    assert load_for_serving(SPEC, settings).engine.name == "openvino"


def test_without_torch_and_conversion_the_embedded_network_serves_as_it_ships(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    assert ensure_converted(SPEC, weights, tmp_path) == SHIPPED
    # Weights of a user's own were never converted.
    with pytest.raises(EngineUnavailable, match="torch is not installed"):
        ensure_converted(SPEC, dataclasses.replace(weights, sha256="0" * 64), tmp_path)


@pytest.mark.parametrize("photo", ["coffee.png", "rocket.jpg", "motorcycle_left.png"])
def test_what_ships_is_the_network_that_torch_converts(
    converted: ConvertedNetwork, photo: str
) -> None:
    """After a change of the network or its weights: ``python -m training.ship``."""
    tensor = network_input(photo_bytes(photo), SPEC.input_rule).tensor[np.newaxis]
    fresh, shipped = (
        OpenVinoEngine(one.graph, Precision.FP32, 1).infer(tensor) for one in (converted, SHIPPED)
    )
    assert np.abs(shipped - fresh).mean() < 0.0005 * np.ptp(fresh)
    assert np.array_equal(SHIPPED.reference().tensor, converted.reference().tensor)


def test_shipping_writes_what_ships(converted: ConvertedNetwork, tmp_path: Path) -> None:
    target = ConvertedNetwork(tmp_path / "openvino")
    ship(converted, SPEC.weights.sha256 or "", target)
    ours, theirs = (
        json.loads((one.folder / "checksums.json").read_text()) for one in (target, SHIPPED)
    )
    assert ours["weights"] == theirs["weights"]
    assert target.graph.with_suffix(".bin").stat().st_size < 8_000_000


def test_a_conversion_in_a_folder_that_cannot_be_written_is_used(
    converted: ConvertedNetwork, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as an image's; root can write anywhere, so the attempt itself fails here."""

    def refuse(cache_dir: Path) -> None:
        raise AssertionError("it tried to write")

    monkeypatch.setattr("service.inference.engines.conversion.check_writable", refuse)
    weights = WeightsStore(settings.weights_dir).verify(SPEC)
    assert ensure_converted(SPEC, weights, settings.cache_dir) == converted


def test_what_a_killed_conversion_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise EngineUnavailable("not now")

    left, of_another = tmp_path / f".incoming-{SPEC.name}-a", tmp_path / ".incoming-dpt_large-a"
    for folder in (left, of_another):
        folder.mkdir()
        (folder / "weights.bin").touch()
    monkeypatch.setattr(conversion, "_convert_in_child", fail)
    with pytest.raises(EngineUnavailable):
        keep_converted(SPEC, WeightsStore(tmp_path).verify(SPEC), tmp_path)
    assert not left.exists()
    assert of_another.exists(), "it may be at work"
