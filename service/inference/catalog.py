"""The networks that are loaded in this process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable

from service.allocator import release_free_memory
from service.errors import ModelUnavailable, WeightsError
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.registry import find_spec
from service.settings import Settings

logger = logging.getLogger(__name__)

# Somebody has to install the weights first.
_RETRY_AFTER_SECONDS = 60


class NetworkCatalog:
    """Loads networks on first use, in a thread of its own; used from the event loop only."""

    def __init__(
        self, settings: Settings, on_load: Callable[[LoadedNetwork], None] = lambda network: None
    ) -> None:
        self._settings = settings
        self._on_load = on_load
        self._loads: dict[str, asyncio.Task[LoadedNetwork]] = {}
        self._loader = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="loader")

    def loaded(self, name: str) -> LoadedNetwork | None:
        """The network if it is loaded already."""
        load = self._loads.get(name)
        return load.result() if load and load.done() and not load.exception() else None

    async def get(self, name: str) -> LoadedNetwork:
        """The network, loaded now if need be; callers that ask at once share one load.

        Raises :class:`ModelNotFound`, or :class:`ModelUnavailable` with the reason.
        """
        spec = find_spec(name)
        load = self._loads.get(name)
        if load is None or (load.done() and load.exception()):
            load = asyncio.create_task(self._load(name), name=f"load {spec.name}")
            self._loads[name] = load
        # Shielded: a caller that gives up must not cancel the load of the others.
        return await asyncio.shield(load)

    def close(self) -> None:
        """Stop the loader thread."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def _load(self, name: str) -> LoadedNetwork:
        loop = asyncio.get_running_loop()
        try:
            network = await loop.run_in_executor(
                self._loader, load_for_serving, find_spec(name), self._settings
            )
        except WeightsError as error:
            raise ModelUnavailable(str(error), retry_after_seconds=_RETRY_AFTER_SECONDS) from error
        release_free_memory()
        self._on_load(network)
        return network
