"""A network in int8 is judged on photos that it was not calibrated on, mended, or refused."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as ops
from PIL import Image

from service.evaluation import quantisation
from service.evaluation.metrics import order_error
from service.evaluation.quantisation import (
    WARNED,
    CalibrationPhotos,
    Inputs,
    QuantisationRefused,
    difference,
    quantise,
    quantised,
)
from service.imaging.transforms import Fit, InputRule
from service.models.registry import SPECS
from tests.support.photos import photo_path

NAMES = ("coffee.png", "rocket.jpg", "chelsea.png", "motorcycle_left.png")
PHOTOS = [photo_path(name) for name in NAMES]
TAKING_IN = "__module.reduce.0/aten::_convolution/Convolution"
RULE = InputRule(target=64, multiple=32, fit=Fit.AREA)


def network(folder: Path, outlier: float, *, attention: bool = False) -> Path:
    """Two convolutions with four channels between them, and ``attention`` if need be.

    The last of the four is ``outlier`` times as large, and the second convolution reads as little
    of it: one step of 8 bits for all four is too coarse for the others.
    """
    image = ops.parameter([-1, 3, -1, -1], np.float32)
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.1, 0.3, (4, 3, 3, 3)).astype(np.float32)
    gather = rng.uniform(0.1, 0.3, (1, 4, 3, 3)).astype(np.float32)
    spread[3] *= outlier
    gather[:, 3] /= outlier**2
    first = convolution(image, spread)
    first.set_friendly_name("__module.encoder/Convolution")
    wide = ops.softmax(first, 1) if attention else ops.relu(first)
    second = convolution(wide, gather)
    second.set_friendly_name(TAKING_IN)
    depth = ops.squeeze(second, ops.constant([1]))
    openvino.save_model(
        openvino.Model([depth], [image]), folder / "network.xml", compress_to_fp16=False
    )
    return folder / "network.xml"


def convolution(features: openvino.Node, weights: np.ndarray) -> openvino.Node:
    return ops.convolution(features, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])


def test_a_good_network_in_int8_is_near_to_itself(tmp_path: Path) -> None:
    made = quantise(network(tmp_path, 1), Inputs(PHOTOS[:2], RULE), Inputs(PHOTOS[2:], RULE))
    assert made.difference.photos == 2
    assert 0 < made.difference.mean <= made.difference.worst <= WARNED
    assert made.difference.order < 0.02
    assert any(node.get_type_name() == "FakeQuantize" for node in made.graph.get_ops())


def test_layers_that_int8_harms_stay_in_float(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = quantise(network(tmp_path, 1000), Inputs(PHOTOS[:2], RULE), Inputs(PHOTOS[2:], RULE))
    assert "looking for layers to keep in float" in caplog.text
    assert made.difference.mean <= WARNED


def test_what_cannot_be_mended_is_refused_with_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        quantisation,
        "_with_layers_in_float",
        lambda model, exact, calibrated: quantisation.quantised(model, calibrated),
    )
    with pytest.raises(QuantisationRefused, match=r"% of the range .* of point pairs"):
        quantise(network(tmp_path, 1000), Inputs(PHOTOS[:2], RULE), Inputs(PHOTOS[2:], RULE))


@pytest.mark.parametrize("attention", [True, False])
def test_what_takes_in_attention_stays_in_float(tmp_path: Path, attention: bool) -> None:
    model = openvino.Core().read_model(network(tmp_path, 1, attention=attention))
    made = quantised(model, Inputs(PHOTOS[:2], RULE))
    in_int8 = {
        node.get_friendly_name()
        for node in made.get_ops()
        if node.get_type_name() == "Convolution"
        and node.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }
    assert in_int8 == ({"__module.encoder/Convolution"} | (set() if attention else {TAKING_IN}))


@pytest.mark.parametrize("name", SPECS)
def test_every_network_with_attention_has_layers_that_take_it_in(name: str) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
    has_attention = any("Attention" in type(module).__name__ for module in network.modules())
    taking_in = [
        module
        for path, module in network.named_modules()
        if re.fullmatch(quantisation.TAKING_IN, f"__module.{path}/aten::_convolution/Convolution")
    ]
    assert all(isinstance(module, torch.nn.Conv2d) for module in taking_in)
    assert taking_in or not has_attention


def test_without_its_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantisation, "is_installed", lambda name: False)
    with pytest.raises(ValueError, match=r"\.\[int8\]"):
        quantise(tmp_path / "network.xml", Inputs(PHOTOS, RULE), Inputs(PHOTOS, RULE))


def test_difference_tells_the_mean_the_worst_and_the_order() -> None:
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(1, 1, 64, 64)
    reverse = ramp[:, :, ::-1, ::-1]
    found = difference(lambda one: 0.99 * one[:, 0], lambda one: one[:, 0], [ramp, ramp + 1])
    assert found.mean == pytest.approx((0.005 + 0.015) / 2, abs=1e-4)
    assert found.worst == pytest.approx(0.015, abs=1e-4)
    assert found.order == 0
    assert order_error(reverse, ramp) == 1


def test_who_judges_did_not_calibrate(tmp_path: Path) -> None:
    names = [*(f"{number}.png" for number in range(11)), os.fsdecode(b"caf\xe9.png")]
    for name in names:
        Image.new("RGB", (64, 64)).save(tmp_path / name)
    found = CalibrationPhotos.of(tmp_path)
    assert (len(found.judged), len(found.calibrated)) == (2, 10)
    assert not set(found.judged) & set(found.calibrated)
    assert CalibrationPhotos.of(tmp_path) == found


@pytest.mark.parametrize("count", [0, 4])
def test_a_handful_of_photos_is_too_few(tmp_path: Path, count: int) -> None:
    for photo in PHOTOS[:count]:
        shutil.copy(photo, tmp_path)
    with pytest.raises(ValueError, match="at least 5"):
        CalibrationPhotos.of(tmp_path)


def test_a_photo_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a photo")
    with pytest.raises(ValueError, match=r"text\.jpg"):
        list(Inputs([tmp_path / "text.jpg"], RULE))
