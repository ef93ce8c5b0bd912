"""LeReS and ZoeDepth."""

from __future__ import annotations

from dataclasses import replace

from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.models.spec import Memory, NetworkSpec, Resolutions, WeightsFile

_ZOEDEPTH = "https://github.com/isl-org/ZoeDepth"
_HALF = (0.5, 0.5, 0.5)
_ZOEDEPTH_INPUT = InputRule(
    target=384,
    target_width=512,
    multiple=32,
    fit=Fit.MINIMAL,
    mean=_HALF,
    std=_HALF,
    resize=Interpolation.LINEAR_CORNERS,
)

SPECS = (
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
        resolutions=Resolutions(128, 512, fast=256, balanced=352, best=448),
    ),
    NetworkSpec(
        name="zoedepth_n",
        title="ZoeDepth for rooms",
        module="service.networks.zoedepth",
        builder="zoedepth_n",
        renaming="OFFICIAL",
        input_rule=_ZOEDEPTH_INPUT,
        attention=0.0804,
        memory=Memory(per_pixel=1000, per_pair=0.0105),
        # The defaults of its infer_pil.
        best_rule=replace(_ZOEDEPTH_INPUT, padding=3.0, mirror=True),
        kind=DepthKind.METRIC_DEPTH,
        parameters=342_609_538,
        gflop=716.9,
        licence="MIT",
        source=_ZOEDEPTH,
        weights=WeightsFile(
            file="ZoeD_M12_N.pt",
            url=f"{_ZOEDEPTH}/releases/download/v1.0/ZoeD_M12_N.pt",
        ),
    ),
)
