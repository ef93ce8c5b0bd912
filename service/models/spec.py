"""What is known of a network: plain data, importable without torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import InputRule, Interpolation
from service.networks.renaming import Renaming

if TYPE_CHECKING:
    from torch import nn

EMBEDDED_DIR = Path(__file__).parent / "embedded"
SAMPLE_PHOTO = EMBEDDED_DIR / "coffee.jpg"


@dataclass(frozen=True)
class WeightsFile:
    """The official file of a network.

    ``url`` is None where there is no stable one, ``bytes`` and ``sha256`` where they are not
    published: then the first pull's hash is recorded, and checked from then on.
    """

    file: str
    bytes: int | None = None
    sha256: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class NetworkSpec:
    """One network: how to build it, feed it, read it, and where its weights come from.

    ``module`` names a module of this package. ``builder`` is a function in it that returns the
    untrained network for ``options``, ``renaming`` a :class:`Renaming` in it of official keys.
    ``enlarge`` is how the official code brings depth back to the photo's size. ``parameters`` are
    those that depth passes through, ``gflop`` the work (a multiplication and an addition are two
    operations; ``python -m load_tests.flops``) on an input of the target's size. ``unchecked`` says
    why there are no numbers of the official code to compare with.
    """

    name: str
    title: str
    module: str
    builder: str
    input_rule: InputRule
    kind: DepthKind
    parameters: int
    gflop: float
    licence: str
    source: str
    weights: WeightsFile
    options: Mapping[str, Any] = field(default_factory=dict)
    renaming: str | None = None
    enlarge: Interpolation = Interpolation.CUBIC
    commercial: bool = True
    embedded: bool = False
    unchecked: str | None = None

    def build(self) -> nn.Module:
        """The untrained network, on the CPU, float32 (imports torch and timm)."""
        builder: Callable[..., nn.Module] = getattr(
            importlib.import_module(self.module), self.builder
        )
        return builder(**self.options)

    def renamer(self) -> Renaming:
        """Our names of official checkpoint keys."""
        if self.renaming is None:
            return Renaming({})
        renaming: Renaming = getattr(importlib.import_module(self.module), self.renaming)
        return renaming
