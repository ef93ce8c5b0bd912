"""LeReS: relative depth from a ResNet-50 and a decoder of its own.

Source: Yin et al., "Learning to Recover 3D Scene Shape from a Single Image" (CVPR 2021),
aim-uofa/AdelaiDepth, ``LeReS/Minist_Test/lib/network_auxi.py``.
"""

from __future__ import annotations

import timm
import torch.nn.functional as F
from torch import Tensor, nn

from service.networks.refinenet import enlarge
from service.networks.renaming import Renaming

_SMALLEST_DEPTH = 0.01


class TransferBlock(nn.Module):
    """A convolution, and a residual branch whose rectification reaches its input, too."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(inputs, channels, 3, padding=1)
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        rectified = F.relu(self.widen(x))
        return F.relu(rectified + self.branch(rectified))


class MergeBlock(nn.Module):
    """A deeper map and a skip connection, at twice the size."""

    def __init__(self, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.skip = TransferBlock(skip_channels, channels)
        self.merge = TransferBlock(channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return enlarge(self.merge(self.skip(skip) + x))


class LeReS(nn.Module):
    """Relative depth of one photo.

    Input: float32 ``(n, 3, h, w)``, RGB normalised by the ImageNet mean and deviation, sides
    multiples of 32. Output: float32 ``(n, h, w)``, larger is farther, unknown scale and shift; the
    nearest point of each photo is at 0.01.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = timm.create_model(
            "resnet50", features_only=True, out_indices=(1, 2, 3, 4), pretrained=False
        )
        self.deepest = TransferBlock(2048, 512)
        self.narrow = nn.Conv2d(512, 256, 3, padding=1)
        self.merges = nn.ModuleList(MergeBlock(channels, 256) for channels in (256, 512, 1024))
        self.head = nn.Sequential(
            nn.Conv2d(256, 128, 3, padding=1),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 1, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        depth = self.unbounded(image)
        return depth - depth.amin(dim=(1, 2), keepdim=True) + _SMALLEST_DEPTH

    def unbounded(self, image: Tensor) -> Tensor:
        """Depth that may be negative, as the last convolution gives it."""
        *skips, deepest = self.encoder(image)
        x = enlarge(self.narrow(self.deepest(deepest)))
        for merge, skip in zip(reversed(self.merges), reversed(skips), strict=True):
            x = merge(x, skip)
        return enlarge(self.head(x)).squeeze(1)


def leres_res50() -> nn.Module:
    """LeReS on ResNet-50."""
    return LeReS()


_DECODER = "depth_model.decoder_modules."
OFFICIAL = Renaming(
    {
        "depth_model.encoder_modules.encoder.": "encoder.",
        f"{_DECODER}conv.": "deepest.",
        f"{_DECODER}conv1.": "narrow.",
        **{f"{_DECODER}ffm{i}.": f"merges.{i}." for i in range(3)},
        f"{_DECODER}outconv.adapt_conv.": "head.",
    },
    {
        ".ftb1.": ".skip.",
        ".ftb2.": ".merge.",
        "deepest.conv1.": "deepest.widen.",
        "skip.conv1.": "skip.widen.",
        "merge.conv1.": "merge.widen.",
        # The official branch begins with the rectification.
        ".conv_branch.1.": ".branch.0.",
        ".conv_branch.2.": ".branch.1.",
        ".conv_branch.4.": ".branch.3.",
    },
)
