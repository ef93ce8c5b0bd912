"""The networks equal the official ones: same keys, same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from service.models.registry import SPECS, find_spec
from service.models.spec import EMBEDDED_DIR
from tests.conftest import GOLDEN, MIDAS
from tests.golden.weights_rule import draw_input, draw_state
from tests.support.photos import photo_bytes

# Largest difference allowed, of the official code's own numbers in float32.
TOLERANCES = {
    MIDAS: 1e-5,
    "midas_v21_384": 1e-4,
    "dpt_hybrid_384": 4e-4,
    "depth_anything_v1_vits": 8e-5,
    "depth_anything_v2_vits": 8e-5,
    "leres_res50": 3e-5,
    "zoedepth_n": 1e-4,
}
# What the official training code wraps its state dict in.
LAYOUTS = {"leres_res50": ("depth_model", "module."), "zoedepth_n": ("model", "")}
# Official weights that no depth passes through.
UNUSED = ("head.", "norm.", "mask_token", "refinenet4.resConfUnit1.", "relative_position_index")
# ZoeDepth's official call pads the photo and averages with its mirror image; we do neither.
GOLDEN_KEYS = {"zoedepth_n": ("A_norm", "B_norm", "noaug")}
# A trained one has the golden tables, which a network drawn by the rule has from its builder.
COMPUTED = ("k_idx", "K_minus_1")


@pytest.fixture(scope="module", params=TOLERANCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[nn.Module]:
    """The network, loaded from a file like the official one."""
    path = tmp_path_factory.mktemp("official") / "weights.pt"
    state = draw_state(GOLDEN / name / "manifest.json")
    outer, prefix = LAYOUTS.get(name, ("", ""))
    tensors = {prefix + key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}
    torch.save({outer: tensors} if outer else tensors, path)
    yield load_network(find_spec(name), path)
    path.unlink()


@pytest.fixture(scope="module")
def midas(golden_checkpoint: Path) -> nn.Module:
    return load_network(find_spec(MIDAS), golden_checkpoint)


def run(network: nn.Module, tensor: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(tensor))[0])


@pytest.mark.parametrize("which", ["A", "B"])
def test_it_equals_the_official_network(network: nn.Module, name: str, which: str) -> None:
    golden = np.load(GOLDEN / name / "seed0.npz")
    facts = json.loads((GOLDEN / name / "manifest.json").read_text())
    depth = run(network, draw_input(which, *facts["inputs"][which]["shape"][2:]))
    key = GOLDEN_KEYS.get(name, ("A", "B", ""))["AB".index(which)]
    assert np.abs(depth[::4, ::4] - golden[key].squeeze()).max() <= TOLERANCES[name]
    stats = [depth.min(), depth.max(), depth.mean(), depth.std()]
    assert np.allclose(stats, golden[f"{key}_stats"], rtol=0, atol=TOLERANCES[name])


def test_it_equals_the_official_map_of_a_photo(network: nn.Module, name: str) -> None:
    golden = np.load(GOLDEN / name / "e2e_seed0.npz")
    spec = find_spec(name)
    photo = network_input(photo_bytes("motorcycle_left.png"), spec.input_rule)
    key = "noaug" if name in GOLDEN_KEYS else "depth"
    if key == "depth":
        assert photo.tensor.shape == tuple(golden["net_input_shape"])
        assert np.abs(photo.tensor[:, ::8, ::8] - golden["net_input"]).max() <= 1e-6
    depth = run(network, photo.tensor[np.newaxis])
    full = to_image_size(depth, photo.width, photo.height, spec.enlarge)
    assert full.shape == tuple(golden["shape"])
    assert np.abs(full[::8, ::8] - golden[key]).max() <= TOLERANCES[name]


def test_every_official_key_is_used_or_known_to_be_of_no_use(network: nn.Module, name: str) -> None:
    facts = json.loads((GOLDEN / name / "manifest.json").read_text())
    rename = find_spec(name).renamer()
    official = {key: shape for key, shape, *_ in facts["state_dict"]}
    used = {ours: shape for key, shape in official.items() if (ours := rename(key)) is not None}
    assert used == {key: list(value.shape) for key, value in network.state_dict().items()}
    dropped = [key for key in official if rename(key) is None]
    assert all(any(part in key for part in (*UNUSED, *COMPUTED)) for key in dropped), dropped
    assert len(official) == facts["keys"]


@pytest.mark.parametrize(("which", "height", "width"), [("A", 256, 256), ("B", 192, 256)])
def test_midas_small_equals_the_official_one_on_large_numbers(
    midas: nn.Module, which: str, height: int, width: int
) -> None:
    golden = np.load(GOLDEN / MIDAS / "seed0.npz")
    depth = run(midas, draw_input(which, height, width) * 8)
    assert np.abs(depth[::4, ::4] - golden[f"{which}_x8"].squeeze()).max() <= TOLERANCES[MIDAS]


@pytest.mark.parametrize(
    "photo", ["rocket.jpg", "chelsea.png", "astronaut.png", "coffee.png", "motorcycle_left.png"]
)
def test_midas_small_equals_the_official_steps_on_photos(midas: nn.Module, photo: str) -> None:
    """The official float64 transform and torch's bicubic, against our float32 and OpenCV's."""
    pixels = decode_photo(photo_bytes(photo)).pixels
    height, width = pixels.shape[:2]
    rule = find_spec(MIDAS).input_rule
    size = rule.network_size(width, height)
    resized = cv2.resize(pixels / 255.0, size, interpolation=cv2.INTER_CUBIC)
    official_input = ((resized - rule.mean) / rule.std).transpose(2, 0, 1).astype(np.float32)
    official = torch.nn.functional.interpolate(
        torch.from_numpy(run(midas, official_input[np.newaxis])[np.newaxis, np.newaxis]),
        (height, width),
        mode="bicubic",
        align_corners=False,
    )[0, 0].numpy()
    ours = run(midas, network_input(photo_bytes(photo), rule).tensor[np.newaxis])
    assert np.abs(to_image_size(ours, width, height) - official).max() <= TOLERANCES[MIDAS]


@pytest.mark.parametrize("entry", SPECS)
def test_registry_states_the_true_number_of_parameters(entry: str) -> None:
    spec = find_spec(entry)
    with torch.device("meta"):
        network = spec.build()
    assert sum(p.numel() for p in network.parameters()) == spec.parameters


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 1024), (192, 320)])
def test_embedded_network_keeps_the_size_of_its_input(height: int, width: int) -> None:
    spec = find_spec("depth_lite_256")
    network = load_network(spec, EMBEDDED_DIR / spec.weights.file)
    with torch.inference_mode():
        depth = network(torch.zeros(2, 3, height, width))
    assert depth.shape == (2, height, width)
    assert (depth >= 0).all()
