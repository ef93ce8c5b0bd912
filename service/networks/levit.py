"""DPT on LeViT (MiDaS v3.1): three maps, the shared decoder, and a way back up from 1/8 to 1/2.

Sources: Graham et al., "LeViT" (ICCV 2021); Birkl et al., "MiDaS v3.1" (2023), isl-org/MiDaS,
``midas/backbones/levit.py``.
"""

from __future__ import annotations

import itertools
from typing import Any

import timm
from torch import Tensor, nn

from service.networks.refinenet import DecoderConfig, DepthNetwork, depth_head
from service.networks.renaming import DECODER_PARTS, Renaming, decoder_prefixes

_CHANNELS = (384, 512, 768)
_DECODER = DecoderConfig(widths=(256, 256, 256), head=(32, 8), head_corners=True)
_EXPANSION = (256, 128, 64)
# How many pairs of attention and perceptron each stage has. Its map is taken after one of them,
# which is not the last.
_PAIRS = 4
_TAPS = (2, 1, 1)


class LevitEncoder(nn.Module):
    """timm's stages; attention biases are learned for photos of 224x224."""

    def __init__(self) -> None:
        super().__init__()
        levit: Any = timm.create_model("levit_384", pretrained=False)
        # What no depth passes through needs no memory.
        levit.stages[-1].blocks = levit.stages[-1].blocks[: _TAPS[-1]]
        self.stem, self.stages = levit.stem, levit.stages

    def forward(self, image: Tensor) -> list[Tensor]:
        grid = self.stem(image)
        height, width = grid.shape[-2:]
        tokens = grid.flatten(2).transpose(1, 2)
        maps = []
        for index, (stage, tap) in enumerate(zip(self.stages, _TAPS, strict=True)):
            if index:
                height, width = (height + 1) // 2, (width + 1) // 2
            tokens = stage.downsample(tokens)
            for number, block in enumerate(stage.blocks, start=1):
                tokens = block(tokens)
                if number == tap:
                    maps.append(tokens.transpose(1, 2).unflatten(2, (height, width)))
        return maps


def dpt_levit() -> nn.Module:
    """DPT on LeViT-384."""
    expansion: list[nn.Module] = []
    for wide, narrow in itertools.pairwise(_EXPANSION):
        expansion += [
            nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.Hardswish(),
        ]
    head = nn.Sequential(nn.Sequential(*expansion), depth_head(_EXPANSION[-1], _DECODER))
    return DepthNetwork(LevitEncoder(), _CHANNELS, _DECODER, head)


def _blocks() -> dict[str, str | None]:
    """Prefixes of the official flat list, where attentions and perceptrons take turns."""
    prefixes: dict[str, str | None] = {}
    place = 0
    for index in range(len(_CHANNELS)):
        stage = f"encoder.stages.{index}."
        if index:
            prefixes[f"{_BLOCKS}{place}."] = f"{stage}downsample.attn_downsample."
            prefixes[f"{_BLOCKS}{place + 1}.m."] = f"{stage}downsample.mlp."
            place += 2
        for pair in range(_PAIRS):
            used = index < len(_CHANNELS) - 1 or pair < _TAPS[-1]
            for part in ("attn", "mlp"):
                prefixes[f"{_BLOCKS}{place}.m."] = f"{stage}blocks.{pair}.{part}." if used else None
                place += 1
    return prefixes


_BLOCKS = "pretrained.model.blocks."
OFFICIAL = Renaming(
    {
        "pretrained.model.head": None,
        **{
            f"pretrained.model.patch_embed.{2 * i}.": f"encoder.stem.conv{i + 1}." for i in range(4)
        },
        **_blocks(),
        # The deepest fusion owns a unit for a skip connection that it does not have.
        "scratch.refinenet3.resConfUnit1.": None,
        **{f"scratch.stem_transpose.{2 * i}.c.": f"head.0.{3 * i}." for i in range(2)},
        **{f"scratch.stem_transpose.{2 * i}.bn.": f"head.0.{3 * i + 1}." for i in range(2)},
        **decoder_prefixes("scratch."),
        "scratch.output_conv.": "head.1.",
    },
    {
        **DECODER_PARTS,
        ".mlp.0.": ".mlp.ln1.",
        ".mlp.2.": ".mlp.ln2.",
        ".proj.1.": ".proj.ln.",
        ".q.1.": ".q.ln.",
        ".c.": ".linear.",
    },
)
