"""The networks that are loaded in this process, within a budget of memory."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.errors import InvalidParameter, ModelUnavailable, Overloaded, WeightsError
from service.inference.engines.selection import LoadedNetwork, load_for_serving, loaded_bytes
from service.machine.files import FileVersion
from service.machine.memory import release_free_memory
from service.models.served_networks import ServedNetworks
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.observability.context import RequestRecord
from service.settings import Settings

logger = logging.getLogger(__name__)

# What a large network's load takes, about.
_LOAD_SECONDS = 5
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

    Before a load that would exceed ``DEPTH_MODEL_MEMORY_MB``, those used longest ago are unloaded,
    but never the default one. Requests under way keep theirs until they are answered. Raises
    :class:`ModelNotFound` when the settings name an unknown network.
    """

    def __init__(self, settings: Settings, hooks: CatalogHooks | None = None) -> None:
        self._settings = settings
        self._hooks = hooks or CatalogHooks()
        self.served = ServedNetworks.of(settings)
        self._store = WeightsStore(settings.weights_dir)
        self._failures: dict[str, _Failure] = {}
        # What was in the place of a loaded network's weights when it was loaded.
        self._files: dict[str, tuple[FileVersion, ...]] = {}
        self._reloading = asyncio.Lock()
        # Used longest ago first.
        self._loads: dict[str, asyncio.Task[LoadedNetwork]] = {}
        self._loader = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="loader")

    def loaded(self, name: str) -> LoadedNetwork | None:
        """The network if it is loaded already."""
        load = self._loads.get(name)
        return load.result() if load and _succeeded(load) else None

    async def get(self, name: str) -> LoadedNetwork:
        """The network, loaded now if need be; callers that ask at once share one load.

        One that failed is remembered for a while, and not tried again. Raises
        :class:`ModelNotFound`, or :class:`ModelUnavailable` or :class:`Overloaded` with the reason.
        """
        spec = self.served.find(name)
        load = self._loads.pop(name, None)
        if load is None or (load.done() and not _succeeded(load) and self._may_succeed_now(spec)):
            self._make_room(spec)
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
        spec = self.served.find(name)
        if self.loaded(name) is None:
            return await self.get(name)
        return await asyncio.shield(asyncio.create_task(self._replace(spec), name=f"reload {name}"))

    def unload(self, name: str) -> None:
        """Give a network's memory back; requests under way keep theirs until they are answered.

        Raises :class:`ModelNotFound`, and :class:`InvalidParameter` for the default network.
        """
        spec = self.served.find(name)
        if spec.name == self.served.default:
            raise InvalidParameter(f"{name} is the default network, which stays loaded.")
        network = self.loaded(name)
        if network is not None:
            del self._loads[name]
            self._hooks.unloaded(network)
            release_free_memory()

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
                    await self.reload(name)
                except Exception as error:
                    logger.error("the new weights of %s are not served: %s", name, error)
                else:
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

    def _make_room(self, spec: NetworkSpec) -> None:
        """Unload networks until ``spec`` fits.

        Raises :class:`ModelUnavailable` if it never can, :class:`Overloaded` if it cannot while
        others are being loaded.
        """
        budget = self._settings.model_memory_mb * 1e6
        if not budget:
            return
        needed = loaded_bytes(spec, self._settings)
        held = {
            name: loaded_bytes(self.served.find(name), self._settings)
            for name, load in self._loads.items()
            if not load.done() or _succeeded(load)
        }
        default = self.served.default
        idle = [name for name in held if name != default and _succeeded(self._loads[name])]
        check_fits(spec, self._settings, held.get(default, 0))
        if needed + sum(held.values()) - sum(held[name] for name in idle) > budget:
            raise Overloaded(
                f"{spec.name} has no room while other networks are being loaded.",
                retry_after_seconds=_LOAD_SECONDS,
            )
        for name in idle:
            if needed + sum(held.values()) <= budget:
                return
            logger.info("unloading %s to make room for %s", name, spec.name)
            self._hooks.unloaded(self._loads.pop(name).result())
            del held[name]

    async def _load(self, spec: NetworkSpec) -> LoadedNetwork:
        network = await self._read(spec)
        self._hooks.loaded(network)
        return network

    async def _replace(self, spec: NetworkSpec) -> LoadedNetwork:
        async with self._reloading:
            network = await self._read(spec)
            before, task = self.loaded(spec.name), asyncio.current_task()
            assert task is not None  # noqa: S101 (this runs in one)
            self._loads[spec.name] = task
            if before is not None:
                self._hooks.unloaded(before)
            self._hooks.loaded(network)
            return network

    async def _read(self, spec: NetworkSpec) -> LoadedNetwork:
        loop = asyncio.get_running_loop()
        files = self._store.version(spec)
        # What is logged there is of the request that asked first.
        context = contextvars.copy_context()
        try:
            network = await loop.run_in_executor(
                self._loader, context.run, load_for_serving, spec, self._settings
            )
        except Exception as error:
            self._failures[spec.name] = _Failure(files, time.monotonic())
            if isinstance(error, WeightsError):
                raise ModelUnavailable(str(error)) from error
            raise
        self._files[spec.name] = files
        release_free_memory()
        return network


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
