"""DPT and Depth Anything: vision transformers as encoders, and the shared decoder.

Sources: Ranftl et al., "Vision Transformers for Dense Prediction" (ICCV 2021), isl-org/MiDaS; Yang
et al., "Depth Anything" (CVPR 2024) and "Depth Anything V2" (NeurIPS 2024).
"""

from __future__ import annotations

from torch import nn

from service.networks.refinenet import DecoderConfig, DepthNetwork
from service.networks.renaming import DECODER_PARTS, Renaming, decoder_prefixes
from service.networks.transformer import (
    BeitEncoder,
    Dinov2Encoder,
    EncoderConfig,
    HybridEncoder,
    VitEncoder,
)

DPT_DECODER = DecoderConfig(widths=(256, 256, 256, 256), head=(128, 32), head_corners=True)
# 14 pixels a patch, of which the decoder makes 8.
_PATCH_SCALE = 14 / 8


def dpt_hybrid() -> nn.Module:
    """DPT on ViT-B over a ResNet-50."""
    encoder = HybridEncoder(
        EncoderConfig("vit_base_r50_s16_384", taps=(8, 11), channels=(768, 768), scales=(1, 0.5))
    )
    return DepthNetwork(encoder, (*HybridEncoder.channels, 768, 768), DPT_DECODER)


def dpt(backbone: str, taps: tuple[int, ...], channels: tuple[int, ...]) -> nn.Module:
    """DPT on a plain vision transformer of timm."""
    return DepthNetwork(VitEncoder(EncoderConfig(backbone, taps, channels)), channels, DPT_DECODER)


def dpt_beit(backbone: str, taps: tuple[int, ...], channels: tuple[int, ...]) -> DepthNetwork:
    """DPT on a BEiT of timm, whose own tables of positions are left out for ours."""
    options = (("use_rel_pos_bias", False),)
    config = EncoderConfig(backbone, taps, channels, options=options)
    return DepthNetwork(BeitEncoder(config), channels, DPT_DECODER)


def depth_anything(
    backbone: str,
    taps: tuple[int, ...],
    channels: tuple[int, ...],
    width: int,
    max_depth: float | None = None,
) -> nn.Module:
    """Depth Anything, any version, on a DINOv2 of timm; the metric ones end at ``max_depth``."""
    config = DecoderConfig(
        widths=(width, width, width, width),
        head=(width // 2, 32),
        head_scale=_PATCH_SCALE,
        head_corners=True,
        max_depth=max_depth,
    )
    options = (("img_size", 518),)
    encoder = Dinov2Encoder(EncoderConfig(backbone, taps, channels, readout=False, options=options))
    return DepthNetwork(encoder, channels, config)


_UNUSED = ("norm.", "head.", "fc_norm.")
_READOUT = {".0.project.0.": ".readout.", ".3.": ".project.", ".4.": ".resize."}


def reassemble_prefixes(places: dict[int, int]) -> dict[str, str | None]:
    """Of the transformer and what reassembles it; ``places``: which of ours an official one is."""
    return {
        **{f"pretrained.model.{name}": None for name in _UNUSED},
        "pretrained.model.": "encoder.vit.",
        **{
            f"pretrained.act_postprocess{official}{part}": f"encoder.reassemble.{ours}{our_part}"
            for official, ours in places.items()
            for part, our_part in _READOUT.items()
        },
    }


HYBRID = Renaming(
    {**reassemble_prefixes({3: 0, 4: 1}), **decoder_prefixes("scratch.")}, DECODER_PARTS
)
PLAIN = Renaming(
    {**reassemble_prefixes({i + 1: i for i in range(4)}), **decoder_prefixes("scratch.")},
    DECODER_PARTS,
)
_DEEPEST_BEIT = 24
_BLOCK = "pretrained.model.blocks."
BEIT = Renaming(
    {
        **{
            f"{_BLOCK}{i}.attn.relative_position_index": "encoder.position_index"
            for i in range(_DEEPEST_BEIT)
        },
        **{
            f"{_BLOCK}{i}.attn.relative_position_bias_table": f"encoder.biases.{i}"
            for i in range(_DEEPEST_BEIT)
        },
        **PLAIN.prefixes,
    },
    PLAIN.parts,
)
DEPTH_ANYTHING = Renaming(
    {
        "pretrained.mask_token": None,
        "pretrained.": "encoder.vit.",
        **{f"depth_head.projects.{i}.": f"encoder.reassemble.{i}.project." for i in range(4)},
        **{f"depth_head.resize_layers.{i}.": f"encoder.reassemble.{i}.resize." for i in range(4)},
        "depth_head.scratch.output_conv1.": "head.0.",
        "depth_head.scratch.output_conv2.0.": "head.2.",
        "depth_head.scratch.output_conv2.2.": "head.4.",
        **decoder_prefixes("depth_head.scratch."),
    },
    DECODER_PARTS,
)
