"""Which networks are served, and which stay loaded; engines are stand-ins."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import (
    InvalidParameter,
    ModelNotFound,
    ModelUnavailable,
    WeightsError,
)
from service.inference.catalog import CatalogHooks, NetworkCatalog
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec
from service.observability.context import log_lines_of
from service.settings import Settings
from tests.support.catalog import (
    ANYTHING,
    EMBEDDED,
    LERES,
    SMALL,
    Gauges,
    Held,
    Load,
    load,
    settings_for,
)
from tests.support.log_lines import LogLines


def test_refused_weights_are_not_even_read(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="non-commercial"):
        load_for_serving(find_spec(LERES), Settings(weights_dir=tmp_path))
    with pytest.raises(WeightsError, match="not installed"):
        load_for_serving(find_spec(LERES), Settings(weights_dir=tmp_path, accept_licenses=("all",)))


def test_the_one_used_longest_ago_makes_room(loaders: Callable[[Load], None]) -> None:
    gone: list[str] = []
    hooks = CatalogHooks(unloaded=lambda network: gone.append(network.spec.name))

    async def scenario() -> list[str]:
        catalog = NetworkCatalog(settings_for(EMBEDDED, SMALL, ANYTHING), hooks)
        for name in (EMBEDDED, SMALL, ANYTHING, SMALL, "depth_anything_v1_vits"):
            await catalog.get(name)
        loaded = [name for name in SPECS if catalog.loaded(name)]
        catalog.close()
        return loaded

    assert asyncio.run(scenario()) == [EMBEDDED, SMALL, "depth_anything_v1_vits"]
    assert gone == [ANYTHING]


def test_what_never_fits_is_refused_and_unloads_nothing(loaders: Callable[[Load], None]) -> None:
    async def scenario() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, SMALL))
        await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        with pytest.raises(ModelUnavailable, match="DEPTH_MODEL_MEMORY_MB"):
            await catalog.get("dpt_hybrid_384")
        assert catalog.loaded(EMBEDDED)
        assert catalog.loaded(SMALL)
        catalog.close()

    asyncio.run(scenario())


def test_a_load_under_way_is_shared_and_stops_nobody(loaders: Callable[[Load], None]) -> None:
    held = Held(SMALL)
    loaders(held)

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings())
        await catalog.get(EMBEDDED)
        waiting = [asyncio.create_task(catalog.get(SMALL)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await catalog.get(EMBEDDED)).spec.name == EMBEDDED
        waiting[0].cancel()
        held.let_go()
        names = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(names[0], asyncio.CancelledError)
        assert catalog.loaded(SMALL)
        catalog.close()

    asyncio.run(scenario())
    assert held.loads == [EMBEDDED, SMALL]


def test_what_has_no_room_while_another_loads_waits_for_its_turn(
    loaders: Callable[[Load], None],
) -> None:
    held = Held(SMALL)
    loaders(held)

    async def scenario() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, ANYTHING))
        await catalog.get(EMBEDDED)
        loading = asyncio.create_task(catalog.get(SMALL))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(catalog.get(ANYTHING))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        held.let_go()
        await asyncio.gather(loading, waiting)
        assert catalog.loaded(ANYTHING)
        assert not catalog.loaded(SMALL)
        catalog.close()

    asyncio.run(scenario())


def test_what_is_logged_of_a_load_is_of_the_request_that_asked_first(
    loaders: Callable[[Load], None],
) -> None:
    def tell(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        logging.getLogger("service.test").warning("loading")
        return load(spec, settings)

    loaders(tell)

    async def ask(catalog: NetworkCatalog, request_id: str) -> None:
        with log_lines_of(request_id):
            await catalog.get(SMALL)

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings())
        await asyncio.gather(ask(catalog, "first"), ask(catalog, "second"))
        catalog.close()

    with LogLines() as lines:
        asyncio.run(scenario())
    assert lines == [("first", "loading")]


def test_a_network_is_unloaded_but_never_the_default_one(loaders: Callable[[Load], None]) -> None:
    gauges = Gauges()

    async def run() -> None:
        catalog = NetworkCatalog(Settings(model=EMBEDDED), gauges.hooks())
        kept = await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        catalog.unload(SMALL)
        catalog.unload(SMALL)
        assert catalog.loaded(SMALL) is None
        assert gauges.exported == [kept]
        with pytest.raises(InvalidParameter, match="default"):
            catalog.unload(EMBEDDED)
        with pytest.raises(ModelNotFound):
            catalog.unload("unknown")
        catalog.close()

    asyncio.run(run())


def test_what_is_unloaded_while_it_loads_is_only_of_those_who_wait(
    loaders: Callable[[Load], None],
) -> None:
    held, gauges = Held(), Gauges()
    loaders(held)

    async def run() -> None:
        catalog = NetworkCatalog(Settings(model=EMBEDDED), gauges.hooks())
        waiting = asyncio.create_task(catalog.get(SMALL))
        await asyncio.sleep(0)
        catalog.unload(SMALL)
        held.let_go()
        assert (await waiting).spec.name == SMALL
        assert catalog.loaded(SMALL) is None
        assert gauges.exported == []
        again = await catalog.get(SMALL)
        assert again is not await waiting
        assert gauges.exported == [again]
        catalog.close()

    asyncio.run(run())
