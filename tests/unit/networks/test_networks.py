"""The networks equal the official ones: same keys, same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from service.errors import WeightsError
from service.imaging.decode import decode_photo
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.transforms import Interpolation, to_image_size
from service.imaging.views import mean_of_views, views
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR, NetworkSpec, Quality
from service.pipeline.estimator import Estimate, OutputSize
from tests.conftest import MIDAS
from tests.golden.official import GOLDEN, Golden, golden, golden_names
from tests.golden.weights_rule import draw_input
from tests.support.photos import photo_bytes
from tests.support.sample import WHOLE

# Official weights that no depth passes through.
UNUSED = (
    *("head.", "head_dist.", "norm.", "mask_token", "refinenet3.resConfUnit1"),
    *("refinenet4.resConfUnit1.", *(f"pretrained.model.blocks.{i}." for i in range(22, 28))),
)
# Inputs of other sizes of which there are official maps, a file each.
SIZES = [
    (path.parent.name, int(path.stem.removeprefix("e2e_seed0_size")))
    for path in sorted(GOLDEN.glob("*/e2e_seed0_size*.npz"))
]
LARGEST_IN_GATE = 518
AUGMENTED = [name for name in golden_names() if find_spec(name).best_rule is not None]
# Of a network with more work the gate runs one input: the photo where there is a map of it.
SEVERAL_INPUTS_UP_TO_GFLOP = 50
# A trained one has the golden tables, which a network drawn by the rule has from its builder.
COMPUTED = ("k_idx", "K_minus_1")


@pytest.fixture(scope="module", params=golden_names())
def name(request: pytest.FixtureRequest) -> str:
    if golden(request.param).large and not WHOLE:
        pytest.skip("over 20 seconds of a core: make test-networks")
    return str(request.param)


@pytest.fixture(scope="module")
def network(name: str, tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """The network, loaded from a file like the official one."""
    spec = find_spec(name)
    path = tmp_path_factory.mktemp("official") / spec.weights.file
    write_weights(path, golden(name))
    before = torch.get_rng_state()
    network = load_network(spec, path)
    path.unlink()
    # No weights were drawn, which the file has anyway.
    assert torch.equal(torch.get_rng_state(), before)
    return network


@pytest.fixture(scope="module")
def midas(golden_checkpoint: Path) -> nn.Module:
    return load_network(find_spec(MIDAS), golden_checkpoint)


def write_weights(path: Path, official: Golden) -> None:
    """A file as the official code writes it."""
    state = official.state()
    tensors = {official.prefix + key: torch.from_numpy(value) for key, value in state.items()}
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({official.outer: tensors} if official.outer else tensors, path)


def run(network: nn.Module, tensor: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(tensor))[0])


@pytest.mark.parametrize("which", ["A", "B"])
def test_it_equals_the_official_network(network: nn.Module, name: str, which: str) -> None:
    official = golden(name)
    more = which == "B" or official.own_photo
    if more and find_spec(name).gflop > SEVERAL_INPUTS_UP_TO_GFLOP and not WHOLE:
        pytest.skip("another input of a large network: make test-networks")
    numbers, key = official.arrays("seed0"), official.stored_key(which)
    depth = run(network, draw_input(which, *official.facts["inputs"][which]["shape"][2:]))
    assert np.abs(depth[::4, ::4] - numbers[key].squeeze()).max() <= official.tolerance
    stats = [depth.min(), depth.max(), depth.mean(), depth.std()]
    assert np.allclose(stats, numbers[f"{key}_stats"], rtol=0, atol=official.tolerance)


def test_it_equals_the_official_map_of_a_photo(network: nn.Module, name: str) -> None:
    official, spec = golden(name), find_spec(name)
    if not official.own_photo:
        pytest.skip("its official code feeds photos otherwise, and no map of that is at hand")
    compare_photo(network, spec, official.arrays("e2e_seed0"), official)


@pytest.mark.parametrize(("name", "resolution"), SIZES, indirect=["name"])
def test_it_equals_the_official_map_at_another_size(
    network: nn.Module, name: str, resolution: int
) -> None:
    """The official code's own parameter: ``input_size``, ``--height``."""
    if resolution > LARGEST_IN_GATE and not WHOLE:
        pytest.skip("over 20 seconds of a core: make test-networks")
    numbers = golden(name).arrays(f"e2e_seed0_size{resolution}")
    compare_photo(network, find_spec(name).at(resolution), numbers, golden(name))


@pytest.mark.parametrize("name", AUGMENTED, indirect=True)
def test_it_equals_the_official_map_at_best(network: nn.Module, name: str) -> None:
    """The defaults of the official call: a border, and the mean with the mirror image."""
    if not WHOLE:
        pytest.skip("over 20 seconds of a core: make test-networks")
    numbers = golden(name).arrays("e2e_seed0")
    compare_photo(network, find_spec(name).at_quality(Quality.BEST), numbers, golden(name))


def compare_photo(
    network: nn.Module, spec: NetworkSpec, numbers: Mapping[str, Any], official: Golden
) -> None:
    at_best = spec.input_rule == spec.best_rule
    key = "depth" if at_best else official.stored_key("photo")
    photo = network_input(photo_bytes("motorcycle_left.png"), spec.input_rule)
    # Of ZoeDepth, the official input at hand is that of its default: padded.
    if key == "depth":
        assert photo.tensor.shape == tuple(numbers["net_input_shape"])
        step = -(-photo.tensor.shape[2] // numbers["net_input"].shape[2])
        # torch finds the places between pixels in float32, on hundreds of pixels 5e-5 of one off.
        allowed = 5e-5 if spec.input_rule.resize is Interpolation.LINEAR_CORNERS else 1e-6
        assert np.abs(photo.tensor[:, ::step, ::step] - numbers["net_input"]).max() <= allowed
    shown = views(photo.tensor, spec.input_rule)
    depth = mean_of_views([run(network, view[np.newaxis]) for view in shown])
    border = spec.input_rule.border(photo.width, photo.height)
    answer = DepthMap(depth, spec.kind, spec.name, spec.enlarge)
    full = Estimate(answer, border, 1, photo.tensor).sized(OutputSize.ORIGINAL).values
    assert full.shape == tuple(numbers["shape"])
    assert np.abs(full[::8, ::8] - numbers[key]).max() <= official.tolerance


def test_every_official_key_is_used_or_known_to_be_of_no_use(network: nn.Module, name: str) -> None:
    facts = golden(name).facts
    rename = find_spec(name).renamer()
    computed = {key: list(value.shape) for key, value in network.named_buffers()}
    ours = {key: list(value.shape) for key, value in network.state_dict().items()}
    used = set()
    for key, shape, _, what in facts["state_dict"]:
        own = rename(key)
        if own is None:
            assert any(part in key for part in (*UNUSED, *COMPUTED)), key
            continue
        # Tables that today's network computes, and an official file carries: checked, not loaded.
        assert shape == (computed if what == "fixed" else ours)[own], key
        used.add(own)
    assert used >= ours.keys()
    assert used - ours.keys() <= computed.keys()
    assert len(facts["state_dict"]) == facts["keys"]


@pytest.mark.parametrize(
    ("name", "key", "ours"),
    [
        (
            "dpt_swin2_tiny_256",
            "pretrained.model.layers.0.blocks.1.attn_mask",
            "encoder.swin.layers.0.blocks.1.attn_mask",
        ),
        (
            "dpt_levit_224",
            "pretrained.model.blocks.8.attention_bias_idxs",
            "encoder.stages.1.downsample.attn_downsample.attention_bias_idxs",
        ),
        (
            "dpt_beit_base_384",
            "pretrained.model.blocks.11.attn.relative_position_index",
            "encoder.position_index",
        ),
    ],
    indirect=["name"],
)
def test_tables_in_an_official_file_must_be_those_that_the_network_computes(
    tmp_path: Path, network: nn.Module, name: str, key: str, ours: str
) -> None:
    table = network.get_buffer(ours)
    path = tmp_path / "official.pt"
    torch.save(network.state_dict() | {key: table}, path)
    load_network(find_spec(name), path)
    torch.save({key: table + 1}, path)
    with pytest.raises(WeightsError, match=f"{key} is another table"):
        load_network(find_spec(name), path)


@pytest.mark.parametrize(("which", "height", "width"), [("A", 256, 256), ("B", 192, 256)])
def test_midas_small_equals_the_official_one_on_large_numbers(
    midas: nn.Module, which: str, height: int, width: int
) -> None:
    numbers = golden(MIDAS).arrays("seed0")[f"{which}_x8"]
    depth = run(midas, draw_input(which, height, width) * 8)
    assert np.abs(depth[::4, ::4] - numbers.squeeze()).max() <= golden(MIDAS).tolerance


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
    assert np.abs(to_image_size(ours, width, height) - official).max() <= golden(MIDAS).tolerance


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 1024), (192, 320)])
def test_embedded_network_keeps_the_size_of_its_input(height: int, width: int) -> None:
    spec = find_spec("depth_lite_256")
    network = load_network(spec, EMBEDDED_DIR / spec.weights.file)
    with torch.inference_mode():
        depth = network(torch.zeros(2, 3, height, width))
    assert depth.shape == (2, height, width)
    assert (depth >= 0).all()
