"""What most depth networks share: the RefineNet decoder of MiDaS and its head.

An encoder gives maps, most give four, shallow to deep. Each is reduced to a width of the decoder,
then fused from the deepest to the shallowest, doubling in size, and a head makes one channel of it.

Sources: Lin et al., "RefineNet" (CVPR 2017); Ranftl et al., "Towards Robust Monocular Depth
Estimation" (TPAMI 2022) and "Vision Transformers for Dense Prediction" (ICCV 2021), with the
official code (isl-org/MiDaS, ``midas/blocks.py``). The blocks below are ours; where the official
networks differ, they have an option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DecoderConfig:
    """What distinguishes one network's decoder from another's.

    ``widths`` are those of the levels (shallow to deep), ``head`` those of the head's two
    hidden convolutions. ``rectify`` adds the rectified instead of the raw input in residual units;
    ``project`` ends each fusion with a 1x1 convolution. The head enlarges by ``head_scale``, with
    ``head_corners`` aligning corner pixels' centres instead of the picture's edges. The head ends
    in disparity, or with ``max_depth`` in metres between 0 and that.
    """

    widths: tuple[int, ...]
    head: tuple[int, int]
    rectify: bool = False
    project: bool = True
    head_scale: float = 2.0
    head_corners: bool = False
    max_depth: float | None = None


class ResidualUnit(nn.Module):
    """Two pre-activated 3x3 convolutions added to their input."""

    def __init__(self, channels: int, *, rectify: bool) -> None:
        super().__init__()
        self.rectify = rectify
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        rectified = F.relu(x)
        residual: Tensor = self.conv2(F.relu(self.conv1(rectified)))
        return residual + (rectified if self.rectify else x)


class FusionBlock(nn.Module):
    """Merge a deeper map with a skip connection, enlarge, project the channels.

    The deepest block has no skip connection.
    """

    def __init__(
        self, channels: int, out_channels: int, *, skip: bool, rectify: bool, project: bool
    ) -> None:
        super().__init__()
        self.skip_unit = ResidualUnit(channels, rectify=rectify) if skip else None
        self.merge_unit = ResidualUnit(channels, rectify=rectify)
        self.project = nn.Conv2d(channels, out_channels, 1) if project else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor | None, size: Sequence[int] | None) -> Tensor:
        if skip is not None and self.skip_unit is not None:
            x = x + self.skip_unit(skip)
        x = enlarge(self.merge_unit(x), size)
        projected: Tensor = self.project(x)
        return projected


def depth_head(channels: int, config: DecoderConfig) -> nn.Sequential:
    """From the fused map to one non-negative channel at the input's size."""
    wide, narrow = config.head
    return nn.Sequential(
        nn.Conv2d(channels, wide, 3, padding=1),
        nn.Upsample(
            scale_factor=config.head_scale, mode="bilinear", align_corners=config.head_corners
        ),
        nn.Conv2d(wide, narrow, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(narrow, 1, 1),
        nn.ReLU() if config.max_depth is None else Metres(config.max_depth),
    )


class Metres(nn.Module):
    """Any number to metres between 0 and ``limit``, by the logistic function."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        return self.limit * x.sigmoid()


class DepthNetwork(nn.Module):
    """Depth of one photo, up to what the network's kind leaves open.

    ``encoder`` answers a float32 image ``(n, 3, h, w)`` with maps of ``channels``. ``head`` is one
    of its own instead of the usual. Output: float32 ``(n, h, w)``, never negative.
    """

    def __init__(
        self,
        encoder: nn.Module,
        channels: Sequence[int],
        config: DecoderConfig,
        head: nn.Sequential | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.reduce = nn.ModuleList(
            nn.Conv2d(stage, width, 3, padding=1, bias=False)
            for stage, width in zip(channels, config.widths, strict=True)
        )
        deepest = len(config.widths) - 1
        self.fusion = nn.ModuleList(
            FusionBlock(
                width,
                config.widths[max(level - 1, 0)],
                skip=level != deepest,
                rectify=config.rectify,
                project=config.project,
            )
            for level, width in enumerate(config.widths)
        )
        self.head = head or depth_head(config.widths[0], config)

    def forward(self, image: Tensor) -> Tensor:
        depth: Tensor = self.head(self.decode(self.encoder(image))[-1])
        return depth.squeeze(1)

    def decode(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The deepest reduced map, then the fused ones from deep to shallow."""
        skips = [reduce(feature) for reduce, feature in zip(self.reduce, features, strict=True)]
        x, skip = skips[-1], None
        fused = [x]
        for level in range(len(skips) - 1, -1, -1):
            size = skips[level - 1].shape[-2:] if level else None
            x = self.fusion[level](x, skip, size)
            fused.append(x)
            skip = skips[level - 1]
        return fused


def enlarge(x: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """Bilinear, corner pixels' centres aligned; to twice the size where none is given."""
    scale = 2.0 if size is None else None
    target = None if size is None else list(size)
    return F.interpolate(x, target, scale, mode="bilinear", align_corners=True)
