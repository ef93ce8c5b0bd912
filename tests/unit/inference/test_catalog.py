"""Which networks are served, and which stay loaded; engines are stand-ins."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import (
    InvalidParameter,
    ModelNotFound,
    ModelUnavailable,
    WeightsError,
)
from service.inference import catalog as catalog_module
from service.inference.catalog import CatalogHooks, NetworkCatalog
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.registry import SPECS, find_spec
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.observability.context import log_lines_of
from service.settings import Settings
from tests.support.catalog import EMBEDDED, LERES, SMALL, Gauges, Load, load, settings_for
from tests.support.log_lines import LogLines

ANYTHING = "depth_anything_v2_vits"


def test_settings_say_what_is_served() -> None:
    served = ServedNetworks((EMBEDDED, SMALL))
    assert [spec.name for spec in served.specs] == [EMBEDDED, SMALL]
    with pytest.raises(ModelNotFound, match=f"Known: {EMBEDDED}, {SMALL}"):
        served.find(LERES)
    assert [spec.name for spec in ServedNetworks().specs] == list(SPECS)
    with pytest.raises(ModelNotFound):
        ServedNetworks(("midas",))


@pytest.mark.parametrize("accepted", [("Adobe-Research-NC",), ("all",), ("MIT", "all")])
def test_a_licence_counts_when_it_is_accepted(accepted: tuple[str, ...]) -> None:
    ServedNetworks(licences=accepted).check_licence(find_spec(LERES))


@pytest.mark.parametrize("accepted", [(), ("MIT",), ("CC-BY-NC-4.0",)])
def test_non_commercial_weights_are_refused_otherwise(accepted: tuple[str, ...]) -> None:
    with pytest.raises(ModelUnavailable, match="DEPTH_ACCEPT_LICENSES=Adobe-Research-NC"):
        ServedNetworks(licences=accepted).check_licence(find_spec(LERES))
    ServedNetworks(licences=accepted).check_licence(find_spec(ANYTHING))


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
    gate, loads = threading.Event(), []

    def slow(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        loads.append(spec.name)
        if spec.name == SMALL:
            assert gate.wait(10)
        return load(spec, settings)

    loaders(slow)

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings())
        await catalog.get(EMBEDDED)
        waiting = [asyncio.create_task(catalog.get(SMALL)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await catalog.get(EMBEDDED)).spec.name == EMBEDDED
        waiting[0].cancel()
        gate.set()
        names = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(names[0], asyncio.CancelledError)
        assert catalog.loaded(SMALL)
        catalog.close()

    asyncio.run(scenario())
    assert loads == [EMBEDDED, SMALL]


def test_what_has_no_room_while_another_loads_waits_for_its_turn(
    loaders: Callable[[Load], None],
) -> None:
    gate = threading.Event()

    def slow(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        assert spec.name != SMALL or gate.wait(10)
        return load(spec, settings)

    loaders(slow)

    async def scenario() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, ANYTHING))
        await catalog.get(EMBEDDED)
        loading = asyncio.create_task(catalog.get(SMALL))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(catalog.get(ANYTHING))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        gate.set()
        await asyncio.gather(loading, waiting)
        assert catalog.loaded(ANYTHING)
        assert not catalog.loaded(SMALL)
        catalog.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "reason"), [(ANYTHING, "not installed"), (LERES, "non-commercial")]
)
def test_what_cannot_be_served_unloads_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reason: str
) -> None:
    """There is room for one of both beside the default network."""
    monkeypatch.setattr(catalog_module, "load_for_serving", load)

    async def scenario() -> None:
        catalog = NetworkCatalog(settings_for(EMBEDDED, name, weights_dir=tmp_path))
        await catalog.get(EMBEDDED)
        await catalog.get(SMALL)
        with pytest.raises(ModelUnavailable, match=reason):
            await catalog.get(name)
        assert catalog.loaded(SMALL)
        assert reason in (catalog.refusal(find_spec(name)) or "")
        catalog.close()

    asyncio.run(scenario())


def test_who_would_be_refused_is_known_without_a_load(
    loaders: Callable[[Load], None], tmp_path: Path
) -> None:
    weights = tmp_path / find_spec(SMALL).weights.file

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path))
        small = find_spec(SMALL)
        assert "not installed" in (catalog.refusal(small) or "")
        weights.write_text("weights")
        assert catalog.refusal(small) is None
        loaders(Missing())
        with pytest.raises(ModelUnavailable):
            await catalog.get(SMALL)
        assert catalog.refusal(small) == "not there yet"
        weights.write_text("other weights")
        assert catalog.refusal(small) is None
        loaders(load)
        await catalog.get(SMALL)
        weights.unlink()
        assert catalog.refusal(small) is None
        catalog.close()
        narrow = NetworkCatalog(settings_for(EMBEDDED, weights_dir=tmp_path))
        assert "DEPTH_MODEL_MEMORY_MB" in (narrow.refusal(find_spec(ANYTHING)) or "")
        assert narrow.refusal(find_spec(EMBEDDED)) is None
        narrow.close()

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


class Missing:
    """A loader that finds nothing, and counts how often it looked."""

    def __init__(self) -> None:
        self.tried = 0

    def __call__(self, spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        self.tried += 1
        raise WeightsError("not there yet")


async def fail_often(catalog: NetworkCatalog) -> None:
    for _ in range(5):
        with pytest.raises(ModelUnavailable, match="not there yet"):
            await catalog.get(SMALL)
    assert catalog.loaded(SMALL) is None


def add_official(folder: Path) -> None:
    (folder / find_spec(SMALL).weights.file).write_text("weights")


def add_own(folder: Path) -> None:
    (folder / "own.pt").write_text("weights")
    WeightsStore(folder).install_custom(find_spec(SMALL), folder / "own.pt")


@pytest.mark.parametrize("add", [add_official, add_own])
def test_a_failed_load_says_why_and_is_tried_again_when_its_weights_change(
    loaders: Callable[[Load], None], tmp_path: Path, add: Callable[[Path], None]
) -> None:
    missing = Missing()
    loaders(missing)

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path))
        await fail_often(catalog)
        assert missing.tried == 1
        add(tmp_path)
        await fail_often(catalog)
        assert missing.tried == 2
        (tmp_path / find_spec(SMALL).weights.file).write_text("other weights")
        loaders(load)
        assert (await catalog.get(SMALL)).spec.name == SMALL
        catalog.close()

    asyncio.run(scenario())


def test_a_failed_load_is_tried_again_after_a_while(
    loaders: Callable[[Load], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Missing()
    loaders(missing)

    async def scenario() -> None:
        catalog = NetworkCatalog(Settings(weights_dir=tmp_path))
        await fail_often(catalog)
        assert missing.tried == 1
        monkeypatch.setattr(catalog_module, "_RETRY_SECONDS", 0)
        await fail_often(catalog)
        assert missing.tried == 6
        catalog.close()

    asyncio.run(scenario())


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
    gate, gauges = threading.Event(), Gauges()

    def slow(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
        assert gate.wait(10)
        return load(spec, settings)

    loaders(slow)

    async def run() -> None:
        catalog = NetworkCatalog(Settings(model=EMBEDDED), gauges.hooks())
        waiting = asyncio.create_task(catalog.get(SMALL))
        await asyncio.sleep(0)
        catalog.unload(SMALL)
        gate.set()
        assert (await waiting).spec.name == SMALL
        assert catalog.loaded(SMALL) is None
        assert gauges.exported == []
        again = await catalog.get(SMALL)
        assert again is not await waiting
        assert gauges.exported == [again]
        catalog.close()

    asyncio.run(run())
