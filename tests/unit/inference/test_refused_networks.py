"""Networks that cannot be served, or whose load fails: who is told, and when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import ModelUnavailable, WeightsError
from service.inference import catalog as catalog_module
from service.inference.catalog import NetworkCatalog
from service.inference.engines.selection import LoadedNetwork
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.settings import Settings
from tests.support.catalog import ANYTHING, EMBEDDED, LERES, SMALL, Load, load, settings_for


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
