"""The MiDaS small family: a timm EfficientNet-Lite encoder and the RefineNet decoder of MiDaS.

Sources: Ranftl et al., "Towards Robust Monocular Depth Estimation" (TPAMI 2022), and
``MidasNet_small`` of the official repository (isl-org/MiDaS, ``midas/midas_net_custom.py``).
The encoder is timm's; the decoder below is ours and equals the official one to 1e-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import timm
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class MidasSmallConfig:
    """What distinguishes one member of the family from another.

    ``decoder_channels`` are the widths the encoder's four stages (strides 4, 8, 16, 32) are
    projected to; ``head_channels`` the widths of the head's two hidden convolutions.
    ``deepest_skip_unit`` keeps the residual unit that the official graph owns at its deepest
    fusion block but, having no skip there, never runs: the official checkpoint has its weights.
    """

    encoder: str
    decoder_channels: tuple[int, int, int, int]
    head_channels: tuple[int, int]
    deepest_skip_unit: bool = False


class ResidualUnit(nn.Module):
    """Two pre-activated 3x3 convolutions added to their *un-rectified* input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv2(F.relu(self.conv1(F.relu(x))))
        return residual + x


class FusionBlock(nn.Module):
    """Merge a deeper map with a skip connection, double the size, project the channels."""

    def __init__(self, channels: int, out_channels: int, *, skip_unit: bool) -> None:
        super().__init__()
        self.skip_unit = ResidualUnit(channels) if skip_unit else None
        self.merge_unit = ResidualUnit(channels)
        self.project = nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None and self.skip_unit is not None:
            x = x + self.skip_unit(skip)
        x = self.merge_unit(x)
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
        projected: Tensor = self.project(x)
        return projected


class DepthHead(nn.Sequential):
    """From fused features at half the input's size to one non-negative channel at full size."""

    def __init__(self, in_channels: int, hidden: Sequence[int]) -> None:
        wide, narrow = hidden
        super().__init__(
            nn.Conv2d(in_channels, wide, 3, padding=1),
            nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(narrow, 1, 1),
            nn.ReLU(),
        )


class MidasSmall(nn.Module):
    """Relative inverse depth from one photo.

    Input: float32 ``(n, 3, h, w)``, RGB normalised by the ImageNet mean and deviation, sides
    multiples of 32. Output: float32 ``(n, h, w)``, relative inverse depth (larger is nearer,
    unknown scale and shift), never negative.
    """

    def __init__(self, config: MidasSmallConfig) -> None:
        super().__init__()
        self.encoder = timm.create_model(
            config.encoder, features_only=True, out_indices=(1, 2, 3, 4), pretrained=False
        )
        stage_channels: list[int] = self.encoder.feature_info.channels()  # type: ignore[union-attr, operator]
        widths = config.decoder_channels
        self.reduce = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1, bias=False)
            for channels, width in zip(stage_channels, widths, strict=True)
        )
        deepest = len(widths) - 1
        self.fusion = nn.ModuleList(
            FusionBlock(
                width,
                widths[max(level - 1, 0)],
                skip_unit=level != deepest or config.deepest_skip_unit,
            )
            for level, width in enumerate(widths)
        )
        self.head = DepthHead(widths[0], config.head_channels)

    def forward(self, image: Tensor) -> Tensor:
        features = self.encoder(image)
        skips = [reduce(feature) for reduce, feature in zip(self.reduce, features, strict=True)]
        x = self.fusion[-1](skips[-1])
        for fuse, skip in zip(reversed(self.fusion[:-1]), reversed(skips[:-1]), strict=True):
            x = fuse(x, skip)
        depth: Tensor = self.head(x)
        return depth.squeeze(1)


def midas_v21_small() -> MidasSmall:
    """MiDaS v2.1 small as released in 2020: 21.3 M parameters, 9.2 GFLOP at 256x256."""
    return MidasSmall(
        MidasSmallConfig(
            encoder="tf_efficientnet_lite3",
            decoder_channels=(64, 128, 256, 512),
            head_channels=(32, 32),
            deepest_skip_unit=True,
        )
    )


def depth_lite() -> MidasSmall:
    """The embedded network: 3.8 M parameters, 3.0 GFLOP at 256x256."""
    return MidasSmall(
        MidasSmallConfig(
            encoder="tf_efficientnet_lite0",
            decoder_channels=(48, 48, 64, 96),
            head_channels=(24, 16),
        )
    )


_OFFICIAL_PREFIXES = {
    "pretrained.layer1.0.": "encoder.conv_stem.",
    "pretrained.layer1.1.": "encoder.bn1.",
    "pretrained.layer1.3.": "encoder.blocks.0.",
    "pretrained.layer1.4.": "encoder.blocks.1.",
    "pretrained.layer2.0.": "encoder.blocks.2.",
    "pretrained.layer3.0.": "encoder.blocks.3.",
    "pretrained.layer3.1.": "encoder.blocks.4.",
    "pretrained.layer4.0.": "encoder.blocks.5.",
    "pretrained.layer4.1.": "encoder.blocks.6.",
    **{f"scratch.layer{i + 1}_rn.": f"reduce.{i}." for i in range(4)},
    **{f"scratch.refinenet{i + 1}.": f"fusion.{i}." for i in range(4)},
    "scratch.output_conv.": "head.",
}
_OFFICIAL_PARTS = {
    ".resConfUnit1.": ".skip_unit.",
    ".resConfUnit2.": ".merge_unit.",
    ".out_conv.": ".project.",
}


def rename_official(key: str) -> str:
    """The name here of a key of the official MiDaS v2.1 small checkpoint.

    A key of no known prefix is returned as it is, so that the strict load names it.
    """
    for official, ours in _OFFICIAL_PREFIXES.items():
        if key.startswith(official):
            key = ours + key.removeprefix(official)
            break
    for official, ours in _OFFICIAL_PARTS.items():
        key = key.replace(official, ours)
    return key
