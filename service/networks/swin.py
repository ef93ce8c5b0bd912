"""DPT on Swin Transformer V2 (MiDaS v3.1): four maps as its stages end, and the shared decoder.

Sources: Liu et al., "Swin Transformer V2" (CVPR 2022); Birkl et al., "MiDaS v3.1" (2023),
isl-org/MiDaS, ``midas/backbones/swin2.py``.
"""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from service.networks.dpt import DPT_DECODER
from service.networks.refinenet import DepthNetwork
from service.networks.renaming import DECODER_PARTS, Renaming, decoder_prefixes


class SwinEncoder(nn.Module):
    """timm's stages; masks and windows are made for one size of photo, square."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.swin: Any = timm.create_model(backbone, pretrained=False, num_classes=0)
        # What no depth passes through needs no memory.
        self.swin.norm = nn.Identity()

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.swin.patch_embed(image)
        maps = []
        for stage in self.swin.layers:
            x = stage(x)
            maps.append(x.permute(0, 3, 1, 2))
        return maps


def dpt_swin2(backbone: str, channels: tuple[int, ...]) -> nn.Module:
    """DPT on a Swin Transformer V2 of timm."""
    return DepthNetwork(SwinEncoder(backbone), channels, DPT_DECODER)


_MODEL = "pretrained.model."
OFFICIAL = Renaming(
    {
        f"{_MODEL}norm.": None,
        f"{_MODEL}head.": None,
        # Officially a stage ends with the merging of patches, in today's timm the next begins so.
        **{
            f"{_MODEL}layers.{i}.downsample.": f"encoder.swin.layers.{i + 1}.downsample."
            for i in range(3)
        },
        _MODEL: "encoder.swin.",
        **decoder_prefixes("scratch."),
    },
    DECODER_PARTS,
)
