"""``serve``: run the HTTP server, and stop it without losing an accepted request."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.allocator import limit_arenas, limit_kernel_caches
from service.app import create_app
from service.errors import DepthError, WeightsError
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.observability.logging import configure_logging
from service.runtime import Runtime
from service.settings import Settings

logger = logging.getLogger(__name__)

_THREADS_END_SECONDS = 2.0


class DrainingServer(uvicorn.Server):
    """uvicorn that turns unready and finishes accepted work before it closes its port.

    Load balancers need a moment to notice; closing the port at once loses what they send
    meanwhile.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._drain: asyncio.Task[None] | None = None
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal drain; on the second stop at once."""
        runtime: Runtime | None = getattr(self._app.state, "runtime", None)
        if self._draining or runtime is None:
            super().handle_exit(sig, frame)
            return
        self._draining = True
        runtime.admission.begin_drain()
        logger.info("%s: draining", signal.Signals(sig).name)

    async def on_tick(self, counter: int) -> bool:
        """Start the drain from inside the loop: a signal handler may not."""
        if self._draining and self._drain is None:
            self._drain = asyncio.create_task(self._drain_then_exit())
        return await super().on_tick(counter)

    async def _drain_then_exit(self) -> None:
        runtime: Runtime = self._app.state.runtime
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await asyncio.sleep(self._settings.drain_delay_seconds)
                await runtime.admission.wait_until_empty()
                logger.info("drained: every accepted request has been answered")
        except TimeoutError:
            logger.error(
                "drain time is over with %d requests unanswered", runtime.admission.open_tickets
            )
        self.should_exit = True


def serve(settings: Settings) -> int:
    """Run until stopped; returns the process's exit status."""
    configure_logging(settings)
    limit_arenas()
    limit_kernel_caches()
    try:
        # Said in a sentence here, before the server starts, rather than in a traceback after.
        WeightsStore(settings.weights_dir).verify(find_spec(settings.model))
    except DepthError as error:
        print(f"DEPTH_MODEL={settings.model}: {error.detail}", file=sys.stderr)
        return 2
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 2
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        # httptools, uvicorn's default, bounds neither the size of headers nor their number, and
        # loses the body of clients that offer HTTP/2 (Java's do).
        http="h11",
        root_path=settings.root_path,
        server_header=False,
        # Past the drain, answers still being sent get this long.
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
    )
    server = DrainingServer(config, app, settings)
    server.run()
    _leave_stuck_threads()
    return 0 if server.started else 1


def _leave_stuck_threads() -> None:
    """End the process even if a decoder hangs: Python would wait for its thread for ever."""
    give_up_at = time.monotonic() + _THREADS_END_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, give_up_at - time.monotonic()))
            if thread.is_alive():
                logger.error("leaving thread %s behind, which does not end", thread.name)
                logging.shutdown()
                os._exit(1)
