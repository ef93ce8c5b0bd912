"""The networks this service knows: one entry each."""

from __future__ import annotations

from service.errors import ModelNotFound
from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.models.spec import NetworkSpec, WeightsFile

_MIDAS = "https://github.com/isl-org/MiDaS"
_ZOEDEPTH = "https://github.com/isl-org/ZoeDepth"
_HALF = (0.5, 0.5, 0.5)

_DPT_INPUT = InputRule(
    target=384,
    multiple=32,
    fit=Fit.MINIMAL,
    mean=_HALF,
    std=_HALF,
    resize=Interpolation.CUBIC_DOUBLE,
)
_DEPTH_ANYTHING_INPUT = InputRule(
    target=518, multiple=14, fit=Fit.LOWER_BOUND, resize=Interpolation.CUBIC_DOUBLE
)
_VITS = {"backbone": "vit_small_patch14_dinov2", "channels": (48, 96, 192, 384), "width": 64}

_SPECS = (
    NetworkSpec(
        name="depth_lite_256",
        title="Embedded network: MiDaS small's design on EfficientNet-Lite0",
        module="service.networks.midas",
        builder="depth_lite",
        input_rule=InputRule(target=256, multiple=32, fit=Fit.AREA),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=3_835_465,
        gflop=3.0,
        licence="MIT",
        source="trained for this project; ships in the package",
        weights=WeightsFile(
            file="depth_lite_256.safetensors",
            bytes=7_782_402,
            sha256="c5b25a9a218bc7cf5e6f6f1e15cbb390f5d93ec71a9d0da8f1fffd6627b696d7",
        ),
        embedded=True,
    ),
    NetworkSpec(
        name="midas_v21_small_256",
        title="MiDaS v2.1 small",
        module="service.networks.midas",
        builder="midas_v21_small",
        renaming="SMALL",
        input_rule=InputRule(target=256, multiple=32, fit=Fit.UPPER_BOUND),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=16_600_929,
        gflop=9.2,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="midas_v21_small_256.pt",
            bytes=85_761_505,
            sha256="70d6b9c891758c67f974a6097fb0c608c7ee67fb81ac3e5588847d5596d56fca",
            url=f"{_MIDAS}/releases/download/v2_1/midas_v21_small_256.pt",
        ),
    ),
    NetworkSpec(
        name="midas_v21_384",
        title="MiDaS v2.1 on ResNeXt-101",
        module="service.networks.midas",
        builder="midas_v21",
        renaming="RESNEXT",
        input_rule=InputRule(
            target=384, multiple=32, fit=Fit.UPPER_BOUND, resize=Interpolation.CUBIC_DOUBLE
        ),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=104_182_785,
        gflop=206.9,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="midas_v21_384.pt",
            bytes=422_509_849,
            sha256="f6b980704cfd7259c7cc2b058c2f160159c55e84b3b6c08331b4156a84629f70",
            url=f"{_MIDAS}/releases/download/v2_1/midas_v21_384.pt",
        ),
    ),
    NetworkSpec(
        name="dpt_hybrid_384",
        title="DPT on ViT-B over ResNet-50 (MiDaS v3)",
        module="service.networks.dpt",
        builder="dpt_hybrid",
        renaming="HYBRID",
        input_rule=_DPT_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=121_196_289,
        gflop=243.0,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_hybrid_384.pt",
            sha256="501f0c75b3bca7daec6b3682c5054c09b366765aef6fa3a09d03a5cb4b230853",
            url=f"{_MIDAS}/releases/download/v3/dpt_hybrid_384.pt",
        ),
    ),
    NetworkSpec(
        name="dpt_large_384",
        title="DPT on ViT-L (MiDaS v3)",
        module="service.networks.dpt",
        builder="dpt",
        options={
            "backbone": "vit_large_patch16_384",
            "taps": (5, 11, 17, 23),
            "channels": (256, 512, 1024, 1024),
        },
        renaming="PLAIN",
        input_rule=_DPT_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=341_848_257,
        gflop=483.7,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_large_384.pt",
            bytes=1_376_378_527,
            sha256="2f21e586477d90cb9624c7eef5df7891edca49a1c4795ee2cb631fd4daa6ca69",
            url=f"{_MIDAS}/releases/download/v3/dpt_large_384.pt",
        ),
    ),
    NetworkSpec(
        name="depth_anything_v1_vits",
        title="Depth Anything small",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS | {"taps": (8, 9, 10, 11)},
        renaming="DEPTH_ANYTHING",
        input_rule=_DEPTH_ANYTHING_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=24_710_849,
        gflop=80.8,
        licence="Apache-2.0",
        source="https://github.com/LiheYoung/Depth-Anything",
        weights=WeightsFile(
            file="depth_anything_vits14.pth",
            url="https://huggingface.co/spaces/LiheYoung/Depth-Anything/resolve/main/checkpoints/"
            "depth_anything_vits14.pth",
        ),
        enlarge=Interpolation.LINEAR,
    ),
    NetworkSpec(
        name="depth_anything_v2_vits",
        title="Depth Anything V2 small",
        module="service.networks.dpt",
        builder="depth_anything",
        options=_VITS | {"taps": (2, 5, 8, 11)},
        renaming="DEPTH_ANYTHING",
        input_rule=_DEPTH_ANYTHING_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=24_710_849,
        gflop=80.8,
        licence="Apache-2.0",
        source="https://github.com/DepthAnything/Depth-Anything-V2",
        weights=WeightsFile(
            file="depth_anything_v2_vits.pth",
            bytes=99_218_434,
            sha256="715fade13be8f229f8a70cc02066f656f2423a59effd0579197bbf57860e1378",
            url="https://huggingface.co/depth-anything/Depth-Anything-V2-Small/resolve/main/"
            "depth_anything_v2_vits.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
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
        input_rule=_DEPTH_ANYTHING_INPUT,
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=97_174_849,
        gflop=311.7,
        licence="CC-BY-NC-4.0",
        source="https://github.com/DepthAnything/Depth-Anything-V2",
        weights=WeightsFile(
            file="depth_anything_v2_vitb.pth",
            url="https://huggingface.co/depth-anything/Depth-Anything-V2-Base/resolve/main/"
            "depth_anything_v2_vitb.pth",
        ),
        enlarge=Interpolation.LINEAR_CORNERS,
        commercial=False,
    ),
    NetworkSpec(
        name="leres_res50",
        title="LeReS on ResNet-50",
        module="service.networks.leres",
        builder="leres_res50",
        renaming="OFFICIAL",
        input_rule=InputRule(target=448, multiple=32, fit=Fit.STRETCH, resize=Interpolation.LINEAR),
        kind=DepthKind.RELATIVE_DEPTH,
        parameters=52_126_529,
        gflop=191.4,
        licence="Adobe-Research-NC",
        source="https://github.com/aim-uofa/AdelaiDepth",
        weights=WeightsFile(file="res50.pth"),
        enlarge=Interpolation.LINEAR,
        commercial=False,
    ),
    NetworkSpec(
        name="zoedepth_n",
        title="ZoeDepth for rooms",
        module="service.networks.zoedepth",
        builder="zoedepth_n",
        renaming="OFFICIAL",
        input_rule=InputRule(
            target=384,
            target_width=512,
            multiple=32,
            fit=Fit.MINIMAL,
            mean=_HALF,
            std=_HALF,
            resize=Interpolation.LINEAR_CORNERS,
        ),
        kind=DepthKind.METRIC_DEPTH,
        parameters=342_609_538,
        gflop=658.8,
        licence="MIT",
        source=_ZOEDEPTH,
        weights=WeightsFile(
            file="ZoeD_M12_N.pt",
            url=f"{_ZOEDEPTH}/releases/download/v1.0/ZoeD_M12_N.pt",
        ),
    ),
)
SPECS: dict[str, NetworkSpec] = {spec.name: spec for spec in _SPECS}


def find_spec(name: str) -> NetworkSpec:
    """The entry called ``name``; raises :class:`ModelNotFound`, which lists what there is."""
    try:
        return SPECS[name]
    except KeyError:
        known = ", ".join(SPECS)
        raise ModelNotFound(f"There is no network of that name. Known: {known}.") from None
