"""Vision transformers of timm as encoders: tokens of four blocks, reassembled to maps.

Sources: Ranftl et al., "Vision Transformers for Dense Prediction" (ICCV 2021) with isl-org/MiDaS,
``midas/backbones``; Oquab et al., "DINOv2" (2023); Bao et al., "BEiT" (2022). timm's blocks run
unchanged; how they learn positions is rewritten, since timm resamples those in another way than
the official networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.layers.pos_embed_rel import gen_relative_position_index
from torch import Tensor, nn

from service.networks.position_tables import cubic, linear, resample

# DINOv2's code asks for a tenth of a patch too many, against rounding, and so samples that much
# more densely; not for the size it was trained at.
_DINOV2_OFFSET = 0.1


class Reassemble(nn.Module):
    """Tokens ``(n, 1 + h * w, width)`` of one block -> a map of ``channels``, ``scale`` times h, w.

    With ``readout``, the class token is projected into every other one; else it is dropped.
    """

    def __init__(self, width: int, channels: int, scale: float, *, readout: bool) -> None:
        super().__init__()
        self.readout = nn.Linear(2 * width, width) if readout else None
        self.project = nn.Conv2d(width, channels, 1)
        self.resize: nn.Module = nn.Identity()
        if scale > 1:
            step = int(scale)
            self.resize = nn.ConvTranspose2d(channels, channels, step, step)
        elif scale < 1:
            self.resize = nn.Conv2d(channels, channels, 3, stride=round(1 / scale), padding=1)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        patches = tokens[:, 1:]
        if self.readout is not None:
            classes = tokens[:, :1].expand_as(patches)
            patches = F.gelu(self.readout(torch.cat([patches, classes], dim=-1)))
        batch, _, channels = patches.shape
        grid = patches.transpose(1, 2).reshape(batch, channels, height, width)
        resized: Tensor = self.resize(self.project(grid))
        return resized


@dataclass(frozen=True)
class EncoderConfig:
    """``taps``: the blocks whose tokens are used; ``channels`` and ``scales`` of their maps."""

    backbone: str
    taps: tuple[int, ...]
    channels: tuple[int, ...]
    scales: tuple[float, ...] = (4, 2, 1, 0.5)
    readout: bool = True
    options: tuple[tuple[str, Any], ...] = ()


class VitEncoder(nn.Module):
    """A plain vision transformer; positions are learned for a square grid, resampled linearly."""

    unused: tuple[str, ...] = ("norm",)

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        vit: Any = timm.create_model(
            config.backbone, pretrained=False, num_classes=0, **dict(config.options)
        )
        # What no depth passes through needs no memory.
        for name in self.unused:
            setattr(vit, name, nn.Identity())
        self.vit = vit
        # Kept as numbers: what is read from a shape is a tensor while a network is traced.
        self.side: int = vit.patch_embed.grid_size[0]
        self.taps = config.taps
        self.reassemble = nn.ModuleList(
            Reassemble(vit.embed_dim, channels, scale, readout=config.readout)
            for channels, scale in zip(config.channels, config.scales, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        shallow, patches = self.embed(image)
        height, width = patches.shape[-2:]
        classes = self.vit.cls_token.expand(patches.shape[0], -1, -1)
        tokens = torch.cat([classes, patches.flatten(2).transpose(1, 2)], dim=1)
        deep = self.run_blocks(self.with_positions(tokens, height, width), height, width)
        maps = [
            reassemble(tokens, height, width)
            for reassemble, tokens in zip(self.reassemble, deep, strict=True)
        ]
        return [*shallow, *maps]

    def embed(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        """Maps that need no transformer, and the patches ``(n, c, h, w)`` for it."""
        return [], self.vit.patch_embed.proj(image)

    def with_positions(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens told where they are."""
        table = self.vit.pos_embed[0]
        grid = self.resample_positions(table[1:].reshape(self.side, self.side, -1), height, width)
        return tokens + torch.cat([table[:1], grid.reshape(height * width, -1)])

    def resample_positions(self, table: Tensor, height: int, width: int) -> Tensor:
        """Positions of the patches, ``(height, width, c)``."""
        return resample(table, height, width, linear)

    def run_blocks(self, tokens: Tensor, height: int, width: int) -> list[Tensor]:
        """Tokens after each tapped block."""
        found = []
        for index, block in enumerate(self.vit.blocks):
            tokens = block(tokens)
            if index in self.taps:
                found.append(tokens)
        return found


class HybridEncoder(VitEncoder):
    """A ResNet whose last stage feeds the transformer; its first two give maps of their own."""

    channels = (256, 512)

    def embed(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        resnet = self.vit.patch_embed.backbone
        quarter = resnet.stages[0](resnet.stem(image))
        eighth = resnet.stages[1](quarter)
        return [quarter, eighth], self.vit.patch_embed.proj(resnet.stages[2](eighth))


class Dinov2Encoder(VitEncoder):
    """DINOv2: positions resampled cubically, all taps normalised by the last layer."""

    unused = ()

    def resample_positions(self, table: Tensor, height: int, width: int) -> Tensor:
        side = self.side
        # In tensors, so that a traced network decides for every photo anew.
        rows, columns = torch.as_tensor(height), torch.as_tensor(width)
        offset = _DINOV2_OFFSET * ((rows != side) | (columns != side))
        steps = side / (rows + offset), side / (columns + offset)
        return resample(table, height, width, cubic, steps)

    def run_blocks(self, tokens: Tensor, height: int, width: int) -> list[Tensor]:
        return [self.vit.norm(found) for found in super().run_blocks(tokens, height, width)]


class BeitEncoder(VitEncoder):
    """BEiT: no positions, but for each block a bias by how far two patches are apart.

    ``biases`` are ``((2 side - 1)**2 + 3, heads)``; the last three rows are for pairs with the
    class token: its own, those that it looks at, and those that look at it, from last to first.
    Official checkpoints carry ``position_index``, which row is for which pair at the size trained
    for, to be compared when one is loaded.
    """

    unused = ("norm", "fc_norm")

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        heads = self.vit.blocks[0].attn.num_heads
        self.reach = 2 * self.side - 1
        rows = self.reach**2 + 3
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(rows, heads)) for _ in self.vit.blocks
        )
        index = gen_relative_position_index((self.side, self.side), class_token=True)
        self.register_buffer("position_index", index, persistent=False)

    def with_positions(self, tokens: Tensor, height: int, width: int) -> Tensor:
        return tokens

    def run_blocks(self, tokens: Tensor, height: int, width: int) -> list[Tensor]:
        offsets = _offsets(height, width)
        found = []
        for index, (block, table) in enumerate(zip(self.vit.blocks, self.biases, strict=True)):
            tokens = block(tokens, shared_rel_pos_bias=self.bias(table, offsets, height, width))
            if index in self.taps:
                found.append(tokens)
        return found

    def bias(self, table: Tensor, offsets: Tensor, height: int, width: int) -> Tensor:
        """Bias ``(1, heads, 1 + hw, 1 + hw)`` of all pairs of tokens."""
        heads = table.shape[1]
        distances = resample(
            table[:-3].reshape(self.reach, self.reach, heads), 2 * height - 1, 2 * width - 1, linear
        ).reshape(-1, heads)
        patches = height * width
        pairs = distances[offsets.reshape(-1)].reshape(patches, patches, heads)
        from_class, to_class, own = table[-3], table[-2], table[-1]
        top = torch.cat([own[None], from_class.expand(patches, heads)])[None]
        rest = torch.cat([to_class.expand(patches, 1, heads), pairs], dim=1)
        return torch.cat([top, rest]).permute(2, 0, 1)[None]


def _offsets(height: int, width: int) -> Tensor:
    """Place in a ``(2 height - 1, 2 width - 1)`` table of each pair of patches, ``(hw, hw)``."""
    cells = torch.arange(height * width)
    rows, columns = cells // width, cells % width
    down = rows[:, None] - rows[None, :] + (height - 1)
    across = columns[:, None] - columns[None, :] + (width - 1)
    return down * (2 * width - 1) + across
