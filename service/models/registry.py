"""The networks this service knows: one entry each, plain data, importable without torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ModelNotFound
from service.imaging.transforms import Fit, InputRule

if TYPE_CHECKING:
    from torch import nn

EMBEDDED_DIR = Path(__file__).parent / "embedded"
SAMPLE_PHOTO = EMBEDDED_DIR / "coffee.jpg"


class DepthKind(StrEnum):
    """What the numbers of a depth map mean."""

    RELATIVE_INVERSE_DEPTH = "relative_inverse_depth"
    """Larger is nearer; unknown scale and shift (the MiDaS convention)."""
    RELATIVE_DEPTH = "relative_depth"
    """Larger is farther; unknown scale and shift."""
    METRIC_DEPTH = "metric_depth"
    """Larger is farther; metres."""

    @property
    def unit(self) -> str | None:
        """``metre`` for metric depth; relative depth has no unit."""
        return "metre" if self is DepthKind.METRIC_DEPTH else None


@dataclass(frozen=True)
class WeightsFile:
    """The official file of a network: ``url`` is None for weights that ship in the package."""

    file: str
    bytes: int
    sha256: str
    url: str | None = None


@dataclass(frozen=True)
class NetworkSpec:
    """One network: how to build it, feed it, read it, and where its weights come from.

    ``module`` names a module of this package; ``builder`` and ``rename`` are functions in it:
    the first returns the untrained network, the second maps an official checkpoint key to ours.
    """

    name: str
    title: str
    module: str
    builder: str
    rename: str | None
    input_rule: InputRule
    kind: DepthKind
    parameters: int
    licence: str
    source: str
    weights: WeightsFile

    @property
    def embedded(self) -> bool:
        """Whether the weights ship in the package."""
        return self.weights.url is None

    def build(self) -> nn.Module:
        """The untrained network, on the CPU, float32 (imports torch and timm)."""
        builder: Callable[[], nn.Module] = getattr(
            importlib.import_module(self.module), self.builder
        )
        return builder()

    def rename_key(self, key: str) -> str:
        """Our name of an official checkpoint key."""
        if self.rename is None:
            return key
        rename: Callable[[str], str] = getattr(importlib.import_module(self.module), self.rename)
        return rename(key)


_SPECS = (
    NetworkSpec(
        name="depth_lite_256",
        title="Embedded network: MiDaS small's design on EfficientNet-Lite0",
        module="service.models.midas_small",
        builder="depth_lite",
        rename=None,
        input_rule=InputRule(target=256, multiple=32, fit=Fit.AREA),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=3_835_465,
        licence="MIT",
        source="trained for this project; ships in the package",
        weights=WeightsFile(
            file="depth_lite_256.safetensors",
            bytes=7_782_458,
            sha256="43d7dd4273bc1f0a2412cbf405149b98548fc5f3bcd889c203ede9e05300c0e9",
        ),
    ),
    NetworkSpec(
        name="midas_v21_small_256",
        title="MiDaS v2.1 small (official weights)",
        module="service.models.midas_small",
        builder="midas_v21_small",
        rename="rename_official",
        input_rule=InputRule(target=256, multiple=32, fit=Fit.UPPER_BOUND),
        kind=DepthKind.RELATIVE_INVERSE_DEPTH,
        parameters=21_320_545,
        licence="MIT",
        source="https://github.com/isl-org/MiDaS",
        weights=WeightsFile(
            file="midas_v21_small_256.pt",
            bytes=85_761_505,
            sha256="70d6b9c891758c67f974a6097fb0c608c7ee67fb81ac3e5588847d5596d56fca",
            url="https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v21_small_256.pt",
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
