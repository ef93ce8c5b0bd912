"""``serve``: run the HTTP server, and stop it without losing an accepted request."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.allocator import (
    keep_large_buffers,
    limit_arenas,
    limit_kernel_caches,
    release_free_memory,
    resident_bytes,
)
from service.api.admin import create_admin_app
from service.api.connection import connections_bounded_by
from service.app import create_app
from service.commands.admin import AdminServer
from service.errors import ApiKeysError, DepthError, TracingError, WeightsError
from service.inference.catalog import check_fits
from service.models.offer import Offer
from service.models.weights import WeightsStore
from service.observability.logging import configure_logging
from service.runtime import Runtime
from service.settings import Settings

logger = logging.getLogger(__name__)

_THREADS_END_SECONDS = 2.0
# uvicorn's main loop ticks this often.
_TICKS_A_SECOND = 10
# Photos of many sizes leave holes in the heap: without this, ten minutes of traffic from VGA to
# 12 MP grew it from 380 to 480 MB (`make soak`).
_TRIM_SECONDS = 15
_LARGEST_FRAME_BYTES = 4_000_000
# Sent to a process group, a signal comes twice: `make serve` passes it on.
_SAME_SIGNAL_SECONDS = 0.5


class DrainingServer(uvicorn.Server):
    """uvicorn that turns unready and finishes accepted work before it closes its port.

    Load balancers need a moment to notice; closing the port at once loses what they send
    meanwhile.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        settings: Settings,
        admin: AdminServer | None,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._admin = admin
        self._drain: asyncio.Task[None] | None = None
        self._trim: asyncio.Task[None] | None = None
        self._draining = False
        self._told_at: float | None = None
        self.outgrew_its_memory = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal drain; on the second stop at once."""
        now = time.monotonic()
        runtime: Runtime | None = getattr(self._app.state, "runtime", None)
        if runtime is None:
            super().handle_exit(sig, frame)
        elif self._told_at is None:
            self._told_at = now
            self._begin_drain(runtime)
            logger.info("%s: draining", signal.Signals(sig).name)
        elif now - self._told_at >= _SAME_SIGNAL_SECONDS:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Start the drain from inside the loop: a signal handler may not."""
        if counter % _TICKS_A_SECOND == 0:
            self._check_memory()
        if counter % (_TRIM_SECONDS * _TICKS_A_SECOND) == 0:
            # In a thread: it takes as long as there is memory to give back.
            self._trim = asyncio.create_task(asyncio.to_thread(release_free_memory))
        if self._draining and self._drain is None:
            self._drain = asyncio.create_task(self._drain_then_exit())
        return await super().on_tick(counter)

    def _begin_drain(self, runtime: Runtime) -> None:
        self._draining = True
        runtime.admission.begin_drain()

    def _check_memory(self) -> None:
        limit, resident = self._settings.max_memory_mb, resident_bytes() / 1e6
        if limit and resident > limit and not self._draining:
            self.outgrew_its_memory = True
            self._begin_drain(self._app.state.runtime)
            logger.error(
                "%.0f MB resident, more than DEPTH_MAX_MEMORY_MB=%g: draining, to be restarted",
                *(resident, limit),
            )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer on the admin port once there is something to report on."""
        await super().startup(sockets)
        if self._admin is not None:
            self._admin.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the admin port last: probes are answered until the end."""
        await super().shutdown(sockets)
        if self._admin is not None:
            await self._admin.stop()

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
    keep_large_buffers()
    limit_kernel_caches()
    try:
        # Said in a sentence here, before the server starts, rather than in a traceback after.
        offer = Offer(settings.models, settings.accept_licenses)
        spec = offer.find(settings.model)
        offer.check_licence(spec)
        check_fits(spec, settings)
        WeightsStore(settings.weights_dir).verify(spec)
    except DepthError as error:
        print(f"DEPTH_MODEL={settings.model}, DEPTH_MODELS: {error.detail}", file=sys.stderr)
        return 2
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        app = create_app(settings)
    except ApiKeysError as error:
        print(f"DEPTH_API_KEYS_FILE: {error}", file=sys.stderr)
        return 2
    except TracingError as error:
        print(f"DEPTH_TRACES={settings.traces}: {error}", file=sys.stderr)
        return 2
    try:
        admin = _admin_server(app, settings)
    except OSError as error:
        print(f"DEPTH_ADMIN_PORT={settings.admin_port}: {error}", file=sys.stderr)
        return 2
    server = DrainingServer(server_config(app, settings), app, settings, admin)
    server.run()
    _leave_stuck_threads()
    return 0 if server.started and not server.outgrew_its_memory else 1


def _admin_server(app: FastAPI, settings: Settings) -> AdminServer | None:
    if not settings.admin_port:
        return None
    return AdminServer(create_admin_app(app, settings), settings.host, settings.admin_port)


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves ``app``."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        # httptools, uvicorn's default, bounds neither the size of headers nor their number, and
        # loses the body of clients that offer HTTP/2 (Java's do).
        http=connections_bounded_by(settings.header_timeout_seconds),
        # For live cameras: one frame a message, of what is compressed already.
        ws="websockets-sansio",
        ws_max_size=min(settings.max_body_bytes, _LARGEST_FRAME_BYTES),
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        root_path=settings.root_path,
        server_header=False,
        # uvicorn's default believes what any program on this host says of its address.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        # Past the drain, answers still being sent get this long.
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
    )


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
