"""DPT: MiDaS v3 and v3.1."""

from __future__ import annotations

from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.models.spec import Memory, NetworkSpec, Resolutions, WeightsFile

_MIDAS = "https://github.com/isl-org/MiDaS"
_RELEASE = f"{_MIDAS}/releases/download/v3_1"


def _dpt_input(target: int, fit: Fit = Fit.MINIMAL) -> InputRule:
    """``STRETCH`` for networks that take no other size than their own."""
    half = (0.5, 0.5, 0.5)
    return InputRule(
        target=target,
        multiple=32,
        fit=fit,
        mean=half,
        std=half,
        resize=Interpolation.CUBIC_DOUBLE,
    )


SPECS = (
    NetworkSpec(
        name="dpt_hybrid_384",
        title="DPT on ViT-B over ResNet-50 (MiDaS v3)",
        module="service.networks.dpt",
        builder="dpt_hybrid",
        renaming="HYBRID",
        input_rule=_dpt_input(384),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=121_196_289,
        gflop=255.3,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_hybrid_384.pt",
            sha256="501f0c75b3bca7daec6b3682c5054c09b366765aef6fa3a09d03a5cb4b230853",
            url=f"{_MIDAS}/releases/download/v3/dpt_hybrid_384.pt",
        ),
        resolutions=Resolutions(128, 512, fast=256, balanced=320, best=384),
        attention=0.0475,
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
        input_rule=_dpt_input(384),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=341_848_257,
        gflop=516.5,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_large_384.pt",
            bytes=1_376_378_527,
            sha256="2f21e586477d90cb9624c7eef5df7891edca49a1c4795ee2cb631fd4daa6ca69",
            url=f"{_MIDAS}/releases/download/v3/dpt_large_384.pt",
        ),
        unchecked="the code of dpt_hybrid_384 without its ResNet",
        resolutions=Resolutions(128, 512, fast=256, balanced=320, best=384),
        attention=0.0625,
    ),
    NetworkSpec(
        name="dpt_levit_224",
        title="DPT on LeViT-384 (MiDaS v3.1)",
        module="service.networks.levit",
        builder="dpt_levit",
        renaming="OFFICIAL",
        input_rule=_dpt_input(224, Fit.STRETCH),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=35_495_077,
        gflop=7.8,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_levit_224.pt",
            url=f"{_RELEASE}/dpt_levit_224.pt",
        ),
    ),
    NetworkSpec(
        name="dpt_swin2_tiny_256",
        title="DPT on Swin V2 tiny (MiDaS v3.1)",
        module="service.networks.swin",
        builder="dpt_swin2",
        options={
            "backbone": "swinv2_tiny_window16_256",
            "channels": (96, 192, 384, 768),
        },
        renaming="OFFICIAL",
        input_rule=_dpt_input(256, Fit.STRETCH),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=39_750_635,
        gflop=59.6,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_swin2_tiny_256.pt",
            url=f"{_RELEASE}/dpt_swin2_tiny_256.pt",
        ),
    ),
    NetworkSpec(
        name="dpt_swin2_base_384",
        title="DPT on Swin V2 base (MiDaS v3.1)",
        module="service.networks.swin",
        builder="dpt_swin2",
        options={
            "backbone": "swinv2_base_window12to24_192to384",
            "channels": (128, 256, 512, 1024),
        },
        renaming="OFFICIAL",
        input_rule=_dpt_input(384, Fit.STRETCH),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=100_171_705,
        gflop=216.9,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_swin2_base_384.pt",
            url=f"{_RELEASE}/dpt_swin2_base_384.pt",
        ),
    ),
    NetworkSpec(
        name="dpt_beit_base_384",
        title="DPT on BEiT base (MiDaS v3.1)",
        module="service.networks.dpt",
        builder="dpt_beit",
        options={
            "backbone": "beit_base_patch16_384",
            "taps": (2, 5, 8, 11),
            "channels": (96, 192, 384, 768),
        },
        renaming="BEIT",
        input_rule=_dpt_input(384),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=109_580_993,
        gflop=223.7,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_beit_base_384.pt",
            url=f"{_RELEASE}/dpt_beit_base_384.pt",
        ),
        resolutions=Resolutions(128, 512, fast=256, balanced=320, best=384),
        attention=0.0542,
        memory=Memory(per_pixel=600, per_pair=0.0083),
    ),
    NetworkSpec(
        name="dpt_beit_large_512",
        title="DPT on BEiT large (MiDaS v3.1)",
        module="service.networks.dpt",
        builder="dpt_beit",
        options={
            "backbone": "beit_large_patch16_512",
            "taps": (5, 11, 17, 23),
            "channels": (256, 512, 1024, 1024),
        },
        renaming="BEIT",
        input_rule=_dpt_input(512),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=342_807_233,
        gflop=963.1,
        licence="MIT",
        source=_MIDAS,
        weights=WeightsFile(
            file="dpt_beit_large_512.pt",
            url=f"{_RELEASE}/dpt_beit_large_512.pt",
        ),
        resolutions=Resolutions(128, 512, fast=256, balanced=384, best=512),
        attention=0.1043,
        memory=Memory(per_pixel=1000, per_pair=0.0105),
    ),
)
