"""Stand-ins for what a catalog loads, and for who is told of it."""

from __future__ import annotations

import asyncio
import threading
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
ANYTHING = "depth_anything_v2_vits"
Load = Callable[[NetworkSpec, Settings], LoadedNetwork]


def load(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
    weights = VerifiedWeights(Path("weights"), "0" * 64, Origin.OFFICIAL)
    return LoadedNetwork(spec, weights, ScriptedEngine(), Parity(0, 0))


def settings_for(*names: str, **others: Any) -> Settings:
    """Settings with room for exactly these networks, computed in fp32."""
    fixed = Settings(precision=Precision.FP32)
    room = sum(loaded_bytes(find_spec(name), fixed) for name in names) / 1e6
    return Settings(precision=Precision.FP32, model_memory_mb=room, **others)


class Held:
    """A loader that waits until it may go on; for networks of these names, of any without."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._may_go_on = threading.Event()
        self._loading = threading.Event()
        self.loads: list[str] = []

    def __call__(self, spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        self.loads.append(spec.name)
        self._loading.set()
        assert (self._names and spec.name not in self._names) or self._may_go_on.wait(30)
        return load(spec, settings)

    async def wait_until_loading(self) -> None:
        assert await asyncio.to_thread(self._loading.wait, 30)

    def let_go(self) -> None:
        self._may_go_on.set()


class Gauges:
    """Which networks the hooks left exported."""

    def __init__(self) -> None:
        self.exported: list[LoadedNetwork] = []

    def hooks(self) -> CatalogHooks:
        return CatalogHooks(self.exported.append, self.exported.remove)
