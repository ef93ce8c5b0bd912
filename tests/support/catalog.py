"""Stand-ins for what a catalog loads, and for who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.inference.catalog import CatalogHooks
from service.inference.engines.base import Parity
from service.inference.engines.selection import LoadedNetwork, loaded_bytes
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, VerifiedWeights
from service.settings import Precision, Settings
from tests.support.engines import ScriptedEngine

EMBEDDED, SMALL, LERES = "depth_lite_256", "midas_v21_small_256", "leres_res50"
Load = Callable[[NetworkSpec, Settings], LoadedNetwork]


def load(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
    weights = VerifiedWeights(Path("weights"), "0" * 64, Origin.OFFICIAL)
    return LoadedNetwork(spec, weights, ScriptedEngine(), Parity(0, 0))


def settings_for(*names: str, **others: Any) -> Settings:
    """Settings with room for exactly these networks, computed in fp32."""
    fixed = Settings(precision=Precision.FP32)
    room = sum(loaded_bytes(find_spec(name), fixed) for name in names) / 1e6
    return Settings(precision=Precision.FP32, model_memory_mb=room, **others)


class Gauges:
    """Which networks the hooks left exported."""

    def __init__(self) -> None:
        self.exported: list[LoadedNetwork] = []

    def hooks(self) -> CatalogHooks:
        return CatalogHooks(self.exported.append, self.exported.remove)
