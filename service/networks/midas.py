"""MiDaS v2.1 and the embedded network: convolutional encoders of timm and the shared decoder.

Source: Ranftl et al., "Towards Robust Monocular Depth Estimation" (TPAMI 2022); ``MidasNet`` and
``MidasNet_small`` of the official repository (isl-org/MiDaS).
"""

from __future__ import annotations

import timm
from torch import nn

from service.networks.refinenet import DecoderConfig, DepthNetwork
from service.networks.renaming import DECODER_PARTS, Renaming, decoder_prefixes


def midas_v21_small() -> nn.Module:
    """MiDaS v2.1 small as released in 2020: 9.2 GFLOP at 256x256."""
    return _convolutional(
        "tf_efficientnet_lite3", DecoderConfig(widths=(64, 128, 256, 512), head=(32, 32))
    )


def midas_v21() -> nn.Module:
    """MiDaS v2.1 on ResNeXt-101: its residual units rectify in place, and so their skips, too."""
    return _convolutional(
        "resnext101_32x8d",
        DecoderConfig(widths=(256, 256, 256, 256), head=(128, 32), rectify=True, project=False),
    )


def depth_lite() -> nn.Module:
    """The embedded network: 3.8 M parameters, 3.0 GFLOP at 256x256."""
    return _convolutional(
        "tf_efficientnet_lite0", DecoderConfig(widths=(48, 48, 64, 96), head=(24, 16))
    )


def _convolutional(encoder: str, config: DecoderConfig) -> nn.Module:
    features = timm.create_model(
        encoder, features_only=True, out_indices=(1, 2, 3, 4), pretrained=False
    )
    channels: list[int] = features.feature_info.channels()  # type: ignore[union-attr, operator]
    return DepthNetwork(features, channels, config)


SMALL = Renaming(
    {
        "pretrained.layer1.0.": "encoder.conv_stem.",
        "pretrained.layer1.1.": "encoder.bn1.",
        "pretrained.layer1.3.": "encoder.blocks.0.",
        "pretrained.layer1.4.": "encoder.blocks.1.",
        "pretrained.layer2.0.": "encoder.blocks.2.",
        "pretrained.layer3.0.": "encoder.blocks.3.",
        "pretrained.layer3.1.": "encoder.blocks.4.",
        "pretrained.layer4.0.": "encoder.blocks.5.",
        "pretrained.layer4.1.": "encoder.blocks.6.",
        **decoder_prefixes("scratch."),
    },
    DECODER_PARTS,
)
RESNEXT = Renaming(
    {
        "pretrained.layer1.0.": "encoder.conv1.",
        "pretrained.layer1.1.": "encoder.bn1.",
        "pretrained.layer1.4.": "encoder.layer1.",
        "pretrained.layer": "encoder.layer",
        **decoder_prefixes("scratch."),
    },
    DECODER_PARTS,
)
