"""The networks equal the official ones: same keys, same numbers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from service.imaging.decode import decode_photo
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.models.checkpoint import load_network
from service.models.registry import EMBEDDED_DIR, SPECS, find_spec
from tests.conftest import GOLDEN, MIDAS
from tests.golden.weights_rule import draw_input
from tests.support.photos import photo_bytes

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def midas(golden_checkpoint: Path) -> nn.Module:
    torch.set_num_threads(1)
    return load_network(find_spec(MIDAS), golden_checkpoint)


@pytest.mark.parametrize(("name", "height", "width"), [("A", 256, 256), ("B", 192, 256)])
@pytest.mark.parametrize(("suffix", "factor"), [("", 1), ("_x8", 8)])
def test_midas_small_equals_the_official_network(
    midas: nn.Module, name: str, height: int, width: int, suffix: str, factor: int
) -> None:
    golden = np.load(GOLDEN / MIDAS / "seed0.npz")
    with torch.inference_mode():
        depth = midas(torch.from_numpy(draw_input(name, height, width)) * factor)[0].numpy()
    expected = golden[name + suffix].squeeze()
    assert np.abs(depth[::4, ::4] - expected).max() <= TOLERANCE
    stats = [depth.min(), depth.max(), depth.mean(), depth.std()]
    assert np.allclose(stats, golden[f"{name}{suffix}_stats"], rtol=0, atol=TOLERANCE)


def test_midas_small_equals_the_official_map_of_a_photo(midas: nn.Module) -> None:
    golden = np.load(GOLDEN / MIDAS / "e2e_seed0.npz")
    photo = network_input(photo_bytes("motorcycle_left.png"), find_spec(MIDAS).input_rule)
    tensor = photo.tensor
    assert tensor.shape == tuple(golden["net_input_shape"])
    assert np.abs(tensor[:, ::8, ::8] - golden["net_input"]).max() <= 1e-6
    with torch.inference_mode():
        depth = midas(torch.from_numpy(tensor[np.newaxis]))[0].numpy()
    full = to_image_size(depth, photo.width, photo.height)
    assert full.shape == tuple(golden["shape"])
    assert np.abs(full[::8, ::8] - golden["depth"]).max() <= TOLERANCE


@pytest.mark.parametrize(
    "name", ["rocket.jpg", "chelsea.png", "astronaut.png", "coffee.png", "motorcycle_left.png"]
)
def test_midas_small_equals_the_official_steps_on_photos(midas: nn.Module, name: str) -> None:
    """The official float64 transform and torch's bicubic, against our float32 and OpenCV's."""
    photo = decode_photo(photo_bytes(name)).pixels
    height, width = photo.shape[:2]
    rule = find_spec(MIDAS).input_rule
    size = rule.network_size(width, height)
    resized = cv2.resize(photo / 255.0, size, interpolation=cv2.INTER_CUBIC)
    tensor = network_input(photo_bytes(name), rule).tensor
    official_input = ((resized - rule.mean) / rule.std).transpose(2, 0, 1).astype(np.float32)
    with torch.inference_mode():
        official = torch.nn.functional.interpolate(
            midas(torch.from_numpy(official_input[np.newaxis]))[:, None],
            (height, width),
            mode="bicubic",
            align_corners=False,
        )[0, 0].numpy()
        ours = midas(torch.from_numpy(tensor[np.newaxis]))[0].numpy()
    assert np.abs(to_image_size(ours, width, height) - official).max() <= TOLERANCE


def test_every_official_key_is_used_and_none_is_missing(midas: nn.Module) -> None:
    facts = json.loads((GOLDEN / MIDAS / "manifest.json").read_text())
    official = {find_spec(MIDAS).rename_key(row[0]): row[1] for row in facts["state_dict"]}
    ours = {key: list(value.shape) for key, value in midas.state_dict().items()}
    assert len(official) == facts["keys"] == 482
    assert ours == official


@pytest.mark.parametrize("name", SPECS)
def test_registry_states_the_true_number_of_parameters(name: str) -> None:
    spec = find_spec(name)
    assert sum(p.numel() for p in spec.build().parameters()) == spec.parameters


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 1024), (192, 320)])
def test_embedded_network_keeps_the_size_of_its_input(height: int, width: int) -> None:
    spec = find_spec("depth_lite_256")
    network = load_network(spec, EMBEDDED_DIR / spec.weights.file)
    with torch.inference_mode():
        depth = network(torch.zeros(2, 3, height, width))
    assert depth.shape == (2, height, width)
    assert (depth >= 0).all()
