"""A network that is loaded anew, because it was asked for or its files were replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.errors import (
    ModelUnavailable,
    WeightsError,
)
from service.inference import catalog as catalog_module
from service.inference.catalog import CatalogHooks, NetworkCatalog
from service.inference.engines.selection import LoadedNetwork
from service.models.spec import NetworkSpec
from service.settings import Settings
from tests.support.catalog import ANYTHING, EMBEDDED, SMALL, Gauges, Held, Load, load, settings_for
from tests.support.waiting import wait_until


def test_the_old_network_serves_until_the_new_one_is_ready(
    loaders: Callable[[Load], None],
) -> None:
    held, gauges = Held(), Gauges()

    async def run() -> None:
        catalog = NetworkCatalog(Settings(), gauges.hooks())
        old = await catalog.get(EMBEDDED)
        loaders(held)
        reload = asyncio.create_task(catalog.reload(EMBEDDED))
        other = asyncio.create_task(catalog.reload(EMBEDDED))
        await asyncio.sleep(0)
        assert await catalog.get(EMBEDDED) is old
        held.let_go()
        new, newest = await reload, await other
        assert new is not old
        assert await catalog.get(EMBEDDED) is newest
        assert gauges.exported == [newest]
        catalog.close()

    asyncio.run(run())


def test_a_new_network_that_does_not_load_leaves_the_old_one(
    loaders: Callable[[Load], None],
) -> None:
    def broken(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        raise WeightsError("not these weights")

    async def run() -> None:
        catalog = NetworkCatalog(Settings())
        old = await catalog.get(EMBEDDED)
        loaders(broken)
        with pytest.raises(ModelUnavailable, match="not these weights"):
            await catalog.reload(EMBEDDED)
        assert await catalog.get(EMBEDDED) is old
        catalog.close()

    asyncio.run(run())


def test_files_that_are_replaced_are_noticed_and_tried_once(
    loaders: Callable[[Load], None], tmp_path: Path
) -> None:
    record = tmp_path / f"{EMBEDDED}.json"

    def broken(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        raise WeightsError("half written")

    async def run() -> None:
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path))
        await catalog.get(EMBEDDED)
        assert catalog.replaced() == []
        record.write_text("{")
        assert catalog.replaced() == [EMBEDDED]
        loaders(broken)
        with pytest.raises(ModelUnavailable):
            await catalog.reload(EMBEDDED)
        assert catalog.replaced() == []
        record.write_text("{}")
        assert catalog.replaced() == [EMBEDDED]
        loaders(load)
        await catalog.reload(EMBEDDED)
        assert catalog.replaced() == []
        catalog.close()

    asyncio.run(run())


def test_replaced_files_are_followed(
    loaders: Callable[[Load], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "_FOLLOW_SECONDS", 0)

    async def run() -> None:
        replaced = asyncio.Event()
        hooks = CatalogHooks(unloaded=lambda network: replaced.set())
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path), hooks)
        old = await catalog.get(EMBEDDED)
        sizes = Mock(wraps=catalog.served.follow_weights)
        monkeypatch.setattr(catalog.served, "follow_weights", sizes)
        following = asyncio.create_task(catalog.follow_files())
        (tmp_path / f"{EMBEDDED}.json").write_text("{}")
        async with asyncio.timeout(30):
            await replaced.wait()
        assert await catalog.get(EMBEDDED) is not old
        sizes.assert_called()
        following.cancel()
        catalog.close()

    asyncio.run(run())


def test_what_is_unloaded_while_it_loads_anew_stays_unloaded(
    loaders: Callable[[Load], None],
) -> None:
    held, gauges = Held(), Gauges()

    async def run() -> None:
        catalog = NetworkCatalog(Settings(model=EMBEDDED), gauges.hooks())
        await catalog.get(SMALL)
        loaders(held)
        reload = asyncio.create_task(catalog.reload(SMALL))
        await held.wait_until_loading()
        catalog.unload(SMALL)
        held.let_go()
        await reload
        assert catalog.loaded(SMALL) is None
        assert gauges.exported == []
        catalog.close()

    asyncio.run(run())


def test_a_network_asked_for_during_a_reload_keeps_to_the_budget(
    loaders: Callable[[Load], None],
) -> None:
    held, gauges = Held(), Gauges()

    async def run() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, ANYTHING), gauges.hooks())
        await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        loaders(held)
        reload = asyncio.create_task(catalog.reload(SMALL))
        await asyncio.sleep(0)
        asked = asyncio.create_task(catalog.get(ANYTHING))
        await asyncio.sleep(0)
        held.let_go()
        await asyncio.gather(reload, asked)
        assert [network.spec.name for network in gauges.exported] == [EMBEDDED, ANYTHING]
        assert catalog.loaded(SMALL) is None
        catalog.close()

    asyncio.run(run())


def test_who_makes_room_while_its_reload_waits_is_loaded_for_whoever_asked(
    loaders: Callable[[Load], None],
) -> None:
    held, gauges = Held(ANYTHING), Gauges()

    async def run() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, ANYTHING), gauges.hooks())
        await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        loaders(held)
        asked = asyncio.create_task(catalog.get(ANYTHING))
        await asyncio.sleep(0)
        reload = asyncio.create_task(catalog.reload(SMALL))
        await asyncio.sleep(0)
        held.let_go()
        await asyncio.gather(reload, asked)
        assert catalog.loaded(SMALL) is await reload
        catalog.close()

    asyncio.run(run())


def test_what_was_unloaded_meanwhile_is_not_followed(
    loaders: Callable[[Load], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "_FOLLOW_SECONDS", 0)
    held = Held(EMBEDDED)

    async def run() -> None:
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path, model=EMBEDDED))
        await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        loaders(held)
        for name in (EMBEDDED, SMALL):
            (tmp_path / f"{name}.json").write_text("{}")
        following = asyncio.create_task(catalog.follow_files())
        await held.wait_until_loading()
        catalog.unload(SMALL)
        held.let_go()
        await asyncio.to_thread(wait_until, lambda: not catalog.replaced())
        assert held.loads == [EMBEDDED]
        assert catalog.loaded(SMALL) is None
        following.cancel()
        catalog.close()

    asyncio.run(run())
