"""Fold LayerScale (Touvron et al., "Going deeper with Image Transformers", 2021) into weights.

Each branch of a transformer block ends in a linear layer, whose outputs are then scaled channel by
channel. The same is a linear layer with scaled weights. Left to OpenVINO, this is done whenever the
network is loaded, into a copy in memory of weights that could be mapped from the file.
"""

from __future__ import annotations

from typing import Any

from timm.layers.layer_scale import LayerScale
from torch import Tensor, nn


def fold_layer_scales(network: nn.Module) -> None:
    """Change ``network`` in place; its answers stay the same but for rounding."""
    block: Any
    for block in network.modules():
        if getattr(block, "gamma_1", None) is not None:  # timm's BEiT
            _scale(block.attn.proj, block.gamma_1)
            _scale(block.mlp.fc2, block.gamma_2)
            block.gamma_1 = block.gamma_2 = None
        elif isinstance(getattr(block, "ls1", None), LayerScale):  # its other transformers
            _scale(block.attn.proj, block.ls1.gamma)
            _scale(block.mlp.fc2, block.ls2.gamma)
            block.ls1, block.ls2 = nn.Identity(), nn.Identity()


def _scale(layer: nn.Linear, gamma: Tensor) -> None:
    layer.weight.mul_(gamma[:, None])
    layer.bias.mul_(gamma)
