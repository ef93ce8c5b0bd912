"""Depth Anything, V1 and V2, in metres, and what was distilled into the same network."""

from __future__ import annotations

from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.models.spec import NetworkSpec, Resolutions, WeightsFile

_V2 = "https://github.com/DepthAnything/Depth-Anything-V2"
_HUGGING_FACE = "https://huggingface.co/depth-anything"
_INPUT = InputRule(target=518, multiple=14, fit=Fit.LOWER_BOUND, resize=Interpolation.CUBIC_DOUBLE)
_VITS = {"backbone": "vit_small_patch14_dinov2", "channels": (48, 96, 192, 384), "width": 64}
_VITS_V2 = _VITS | {"taps": (2, 5, 8, 11)}
_VITS_ATTENTION = 0.2991
_VITS_SIZES = Resolutions(140, 770, fast=224, balanced=392, best=518)

SPECS = (
    NetworkSpec(
        name="depth_anything_v1_vits",
        title="Depth Anything small",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS | {"taps": (8, 9, 10, 11)},
        renaming="DEPTH_ANYTHING",
        input_rule=_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=24_710_849,
        gflop=115.3,
        licence="Apache-2.0",
        source="https://github.com/LiheYoung/Depth-Anything",
        weights=WeightsFile(
            file="depth_anything_vits14.pth",
            url="https://huggingface.co/spaces/LiheYoung/Depth-Anything/resolve/main/checkpoints/"
            "depth_anything_vits14.pth",
        ),
        enlarge=Interpolation.LINEAR,
        resolutions=_VITS_SIZES,
        attention=_VITS_ATTENTION,
    ),
    NetworkSpec(
        name="depth_anything_v2_vits",
        title="Depth Anything V2 small",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS_V2,
        renaming="DEPTH_ANYTHING",
        input_rule=_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=24_710_849,
        gflop=115.3,
        licence="Apache-2.0",
        source=_V2,
        weights=WeightsFile(
            file="depth_anything_v2_vits.pth",
            bytes=99_218_434,
            sha256="715fade13be8f229f8a70cc02066f656f2423a59effd0579197bbf57860e1378",
            url=f"{_HUGGING_FACE}/Depth-Anything-V2-Small/resolve/main/depth_anything_v2_vits.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        resolutions=_VITS_SIZES,
        attention=_VITS_ATTENTION,
    ),
    NetworkSpec(
        name="depth_anything_v2_vitb",
        title="Depth Anything V2 base",
        module="service.networks.dpt",
        builder="depth_anything",
        options={
            "backbone": "vit_base_patch14_dinov2",
            "channels": (96, 192, 384, 768),
            "width": 128,
            "taps": (2, 5, 8, 11),
        },
        renaming="DEPTH_ANYTHING",
        input_rule=_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=97_174_849,
        gflop=380.9,
        licence="CC-BY-NC-4.0",
        source=_V2,
        weights=WeightsFile(
            file="depth_anything_v2_vitb.pth",
            url=f"{_HUGGING_FACE}/Depth-Anything-V2-Base/resolve/main/depth_anything_v2_vitb.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        commercial=False,
        unchecked="the code of depth_anything_v2_vits, wider",
        resolutions=Resolutions(140, 770, fast=224, balanced=392, best=518),
        attention=0.181,
    ),
    NetworkSpec(
        name="depth_anything_v2_metric_indoor_vits",
        title="Depth Anything V2 small in metres, for rooms",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS_V2 | {"max_depth": 20},
        renaming="DEPTH_ANYTHING",
        input_rule=_INPUT,
        kind=DepthKind.METRIC_DEPTH,
        parameters=24_710_849,
        gflop=115.3,
        licence="Apache-2.0",
        source=_V2,
        weights=WeightsFile(
            file="depth_anything_v2_metric_hypersim_vits.pth",
            bytes=99_222_290,
            sha256="b782898d8a3e8be1f639de33837ed85e9b4b73e40f8f5e5cd99067588d722545",
            url=f"{_HUGGING_FACE}/Depth-Anything-V2-Metric-Hypersim-Small/resolve/main/"
            "depth_anything_v2_metric_hypersim_vits.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        resolutions=_VITS_SIZES,
        attention=_VITS_ATTENTION,
    ),
    NetworkSpec(
        name="depth_anything_v2_metric_outdoor_vits",
        title="Depth Anything V2 small in metres, for streets",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS_V2 | {"max_depth": 80},
        renaming="DEPTH_ANYTHING",
        input_rule=_INPUT,
        kind=DepthKind.METRIC_DEPTH,
        parameters=24_710_849,
        gflop=115.3,
        licence="Apache-2.0",
        source=_V2,
        weights=WeightsFile(
            file="depth_anything_v2_metric_vkitti_vits.pth",
            bytes=99_221_808,
            sha256="9203e538d35255c90dda4b7fedb47ff33fe725497bcca3b1e53b3a65ee63f0cb",
            url=f"{_HUGGING_FACE}/Depth-Anything-V2-Metric-VKITTI-Small/resolve/main/"
            "depth_anything_v2_metric_vkitti_vits.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        resolutions=_VITS_SIZES,
        attention=_VITS_ATTENTION,
    ),
    NetworkSpec(
        name="distill_any_depth_vits",
        title="Distill Any Depth small",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS_V2,
        renaming="DEPTH_ANYTHING",
        input_rule=InputRule(
            target=700, multiple=14, fit=Fit.STRETCH, resize=Interpolation.CUBIC_DOUBLE
        ),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=24_710_849,
        gflop=262.6,
        licence="Apache-2.0",
        source="https://github.com/Westlake-AGI-Lab/Distill-Any-Depth",
        weights=WeightsFile(
            file="distill_any_depth_vits.safetensors",
            url="https://huggingface.co/xingyang1/Distill-Any-Depth/resolve/main/small/model.safetensors",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        resolutions=Resolutions(140, 770, fast=252, balanced=420, best=700),
        attention=0.437,
    ),
)
