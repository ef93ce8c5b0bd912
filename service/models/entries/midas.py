"""MiDaS v2.1 and the embedded network, of the same design."""

from __future__ import annotations

from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.models.spec import NetworkSpec, Resolutions, WeightsFile

_MIDAS = "https://github.com/isl-org/MiDaS"

SPECS = (
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
            sha256="5b103366f346625c3b75bf4e745d0063a99314038f4661bf4b186df466d333c5",
        ),
        embedded=True,
        resolutions=Resolutions(128, 512, fast=192, balanced=256, best=288, int8=288),
        unchecked="ours: there is no official code",
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
        resolutions=Resolutions(128, 512, fast=192, balanced=256, best=384),
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
        resolutions=Resolutions(128, 512, fast=256, balanced=320, best=384),
    ),
)
