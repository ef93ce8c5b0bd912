"""The networks that are loaded in this process, within a budget of memory."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from service.errors import InvalidParameter, ModelUnavailable, WeightsError
from service.inference.engines.selection import (
    LoadedNetwork,
    load_for_serving,
    loadable_weights,
    loaded_bytes,
)
from service.machine.files import FileVersion
from service.machine.memory import release_free_memory
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.observability.context import RequestRecord
from service.settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

LOADER = "loader"
"""What the name of the thread begins with that loads networks."""

# A load that fails takes its processor time each time: to hash 350 MB, 0.4 s. It is tried again
# when its weights' files have changed, or after this long: it may have failed of something else.
_RETRY_SECONDS = 60.0
# Between two looks at the files of loaded networks.
_FOLLOW_SECONDS = 5.0


@dataclass(frozen=True)
class CatalogHooks:
    """Told of what was loaded and what was unloaded."""

    loaded: Callable[[LoadedNetwork], None] = lambda network: None
    unloaded: Callable[[LoadedNetwork], None] = lambda network: None


@dataclass(frozen=True)
class _Failure:
    """What a load that failed found in the place of its weights' files, and when it ended."""

    files: tuple[FileVersion, ...]
    ended: float


class NetworkCatalog:
    """Loads networks on first use, in a thread of its own; used from the event loop only.

    One load comes after the other, loading anew among them. Before one that would exceed
    ``DEPTH_MODEL_MEMORY_MB``, networks used longest ago are unloaded, once its weights are known to
    be right, but never the default one. Requests under way keep theirs until they are answered.
    Raises :class:`ModelNotFound` when the settings name an unknown network.
    """

    def __init__(self, settings: Settings, hooks: CatalogHooks | None = None) -> None:
        self._settings = settings
        self._hooks = hooks or CatalogHooks()
        self.served = ServedNetworks.of(settings)
        self._store = WeightsStore(settings.weights_dir)
        self._failures: dict[str, _Failure] = {}
        # What was in the place of a loaded network's weights when it was loaded.
        self._files: dict[str, tuple[FileVersion, ...]] = {}
        self._loading = asyncio.Lock()
        # Used longest ago first.
        self._loads: dict[str, asyncio.Task[LoadedNetwork]] = {}
        self._loader = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix=LOADER)

    def loaded(self, name: str) -> LoadedNetwork | None:
        """The network if it is loaded already."""
        load = self._loads.get(name)
        return load.result() if load and _succeeded(load) else None

    async def get(self, name: str) -> LoadedNetwork:
        """The network, loaded now if need be; callers that ask at once share one load.

        One that failed is remembered for a while, and not tried again. Raises
        :class:`ModelNotFound`, or :class:`ModelUnavailable` with the reason.
        """
        spec = self.served.find(name)
        load = self._loads.pop(name, None)
        if load is None or (load.done() and not _succeeded(load) and self._may_succeed_now(spec)):
            check_fits(spec, self._settings, self._held_for_good(spec))
            load = asyncio.create_task(self._load(spec), name=f"load {spec.name}")
        self._loads[name] = load
        # Shielded: a caller that gives up must not cancel the load of the others.
        return await asyncio.shield(load)

    async def get_for(self, name: str, record: RequestRecord) -> LoadedNetwork:
        """As :meth:`get`; waiting for a load is the stage ``load`` of the request."""
        if self.loaded(name) is not None:
            return await self.get(name)
        with record.timed("load"):
            return await self.get(name)

    async def reload(self, name: str) -> LoadedNetwork:
        """The network loaded anew, as its files are now.

        The one before serves until the new one has passed its self-check, and stays if it does not:
        for that time both take memory. Raises as :meth:`get`.
        """
        network = await self._renew(self.served.find(name))
        return await self.get(name) if network is None else network

    def unload(self, name: str) -> None:
        """Give a network's memory back; requests under way keep theirs until they are answered.

        So do those that wait for its load. Raises :class:`ModelNotFound`, and
        :class:`InvalidParameter` for the default network.
        """
        spec = self.served.find(name)
        if spec.name == self.served.default:
            raise InvalidParameter(f"{name} is the default network, which stays loaded.")
        network, load = self.loaded(name), self._loads.get(name)
        if network is not None or (load is not None and not load.done()):
            del self._loads[name]
        if network is not None:
            self._hooks.unloaded(network)
            # What a name here still holds cannot be given back.
            del network, load
            self._give_back()

    def refusal(self, spec: NetworkSpec) -> str | None:
        """Why a request for the network would be refused now, as far as is known without a load."""
        load = self._loads.get(spec.name)
        if self.loaded(spec.name) is not None:
            return None
        try:
            self.served.check_licence(spec)
            check_fits(spec, self._settings, self._held_for_good(spec))
            self._store.check_installed(spec)
        except (ModelUnavailable, WeightsError) as error:
            return str(error)
        if load is None or not load.done() or load.cancelled() or self._may_succeed_now(spec):
            return None
        return str(load.exception())

    def replaced(self) -> list[str]:
        """Loaded networks whose files are others now, but for those that were tried already."""
        names = []
        for name in self._loads:
            if self.loaded(name) is not None:
                files = self._store.version(self.served.find(name))
                failure = self._failures.get(name)
                if files != self._files[name] and (failure is None or failure.files != files):
                    names.append(name)
        return names

    async def follow_files(self) -> None:
        """Reload networks whose files are replaced, until cancelled."""
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            for name in self.replaced():
                try:
                    network = await self._renew(self.served.find(name))
                except Exception as error:
                    logger.error("the new weights of %s are not served: %s", name, error)
                else:
                    if network is not None:
                        logger.info("the new weights of %s are served", name)

    def close(self) -> None:
        """Stop the loader thread."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _may_succeed_now(self, spec: NetworkSpec) -> bool:
        failure = self._failures.get(spec.name)
        return (
            failure is None
            or failure.files != self._store.version(spec)
            or time.monotonic() - failure.ended >= _RETRY_SECONDS
        )

    def _held_for_good(self, spec: NetworkSpec) -> int:
        """Bytes that stay taken beside ``spec``, whoever is unloaded: the default network's."""
        default = self.served.default
        if spec.name == default or default not in self._loads:
            return 0
        return loaded_bytes(self.served.find(default), self._settings)

    def _in_the_way(self, spec: NetworkSpec) -> list[str]:
        """Loaded networks that must go before ``spec`` fits, those used longest ago first."""
        budget = self._settings.model_memory_mb * 1e6
        held = {
            name: loaded_bytes(self.served.find(name), self._settings)
            for name in self._loads
            if name != spec.name and self.loaded(name) is not None
        }
        over = loaded_bytes(spec, self._settings) + sum(held.values()) - budget if budget else 0
        names = []
        for name, size in held.items():
            if over > 0 and name != self.served.default:
                names.append(name)
                over -= size
        return names

    async def _load(self, spec: NetworkSpec) -> LoadedNetwork:
        async with self._loading:
            if self._in_the_way(spec):
                await self._in_loader(loadable_weights, spec)
            for name in self._in_the_way(spec):
                logger.info("unloading %s to make room for %s", name, spec.name)
                self.unload(name)
            network = await self._read(spec)
            # Else it was unloaded meanwhile, and is only of those who wait for it.
            if self._loads.get(spec.name) is asyncio.current_task():
                self._hooks.loaded(network)
            return network

    async def _renew(self, spec: NetworkSpec) -> LoadedNetwork | None:
        """The network loaded anew; None, and nothing done, if it is not loaded, or no longer."""
        if self.loaded(spec.name) is None:
            return None
        replacing = asyncio.create_task(self._replace(spec), name=f"reload {spec.name}")
        return await asyncio.shield(replacing)

    async def _replace(self, spec: NetworkSpec) -> LoadedNetwork | None:
        async with self._loading:
            load, before = self._loads.get(spec.name), self.loaded(spec.name)
            if before is None:
                return None
            network, task = await self._read(spec), asyncio.current_task()
            assert task is not None  # noqa: S101 (this runs in one)
            if self._loads.get(spec.name) is load:
                self._loads[spec.name] = task
                self._hooks.unloaded(before)
                self._hooks.loaded(network)
            return network

    async def _read(self, spec: NetworkSpec) -> LoadedNetwork:
        files = self._store.version(spec)
        network = await self._in_loader(load_for_serving, spec)
        self._files[spec.name] = files
        self.served.follow_weights()
        self._give_back()
        return network

    def _give_back(self) -> None:
        """Give free memory back in the loader's thread: it takes as long as there is of it."""
        self._loader.submit(release_free_memory)

    async def _in_loader(self, work: Callable[[NetworkSpec, Settings], T], spec: NetworkSpec) -> T:
        """What ``work`` gives in the loader's thread; that it failed is remembered."""
        files = self._store.version(spec)
        # What is logged there is of the request that asked first.
        context = contextvars.copy_context()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._loader, context.run, work, spec, self._settings
            )
        except Exception as error:
            self._failures[spec.name] = _Failure(files, time.monotonic())
            if isinstance(error, WeightsError):
                raise ModelUnavailable(str(error)) from error
            raise


def check_fits(spec: NetworkSpec, settings: Settings, held: int = 0) -> None:
    """Raise :class:`ModelUnavailable` where the budget has no room beside ``held`` bytes."""
    needed, budget = loaded_bytes(spec, settings), settings.model_memory_mb * 1e6
    if budget and needed + held > budget:
        raise ModelUnavailable(
            f"{spec.name} takes {needed / 1e6:.0f} MB, which DEPTH_MODEL_MEMORY_MB="
            f"{settings.model_memory_mb:g} has no room for beside what must stay loaded."
        )


def _succeeded(load: asyncio.Task[LoadedNetwork]) -> bool:
    return load.done() and not load.cancelled() and load.exception() is None
