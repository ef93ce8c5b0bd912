"""uvicorn that stops without losing an accepted request, and before its memory runs out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.lifespan.on import LifespanOn

from service.machine.memory import release_free_memory, resident_bytes
from service.pipeline.runtime import Runtime
from service.server.admin import AdminServer
from service.server.sockets import address_of, is_listening
from service.settings import Settings

logger = logging.getLogger(__name__)

# uvicorn's main loop ticks this often.
_TICKS_A_SECOND = 10
# Photos of many sizes leave holes in the heap: without this, ten minutes of traffic from VGA to
# 12 MP grew it from 380 to 480 MB (`make soak`).
_TRIM_SECONDS = 15
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
        self._starts_on: asyncio.AbstractEventLoop | None = None
        self.outgrew_its_memory = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal drain, before it is ready end; on the second stop at once."""
        now = time.monotonic()
        runtime: Runtime | None = getattr(self._app.state, "runtime", None)
        if runtime is None:
            super().handle_exit(sig, frame)
            if self._starts_on is not None:
                self._starts_on.call_soon_threadsafe(self._end_start)
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
        if counter and counter % (_TRIM_SECONDS * _TICKS_A_SECOND) == 0:
            # In a thread: it takes as long as there is memory to give back.
            self._trim = asyncio.create_task(asyncio.to_thread(release_free_memory))
        if self._draining and self._drain is None:
            self._drain = asyncio.create_task(self._drain_then_exit())
        return await super().on_tick(counter)

    def _end_start(self) -> None:
        """Wait no longer for the network, which may be minutes from ready."""
        self.lifespan.should_exit = True
        if isinstance(self.lifespan, LifespanOn):
            self.lifespan.startup_event.set()

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
        """Say where, and answer on the admin port, once there is something to report on."""
        listeners = sockets or []
        addresses = ", ".join(address_of(listener) for listener in listeners)
        self._starts_on = asyncio.get_running_loop()
        try:
            await super().startup(sockets)
        except SystemExit:
            # uvicorn's word for a start that failed, which one that was told to end did not.
            if not self.should_exit:
                raise
            return
        if not all(map(is_listening, listeners)):
            # Two that start at once may bind one port; of the second, uvloop says nothing.
            logger.error("%s: another server listens there", addresses)
            self.started, self.should_exit = False, True
            await self.lifespan.shutdown()
            return
        logger.info("listening on %s", addresses)
        if self._admin is not None:
            self._admin.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the admin port last: probes are answered until the end."""
        await self._close_port(sockets or [])
        await super().shutdown(sockets)
        if self._admin is not None:
            await self._admin.stop()

    async def _close_port(self, listeners: list[socket.socket]) -> None:
        """Close the port, but take whom the kernel has connected: else they meet a reset."""
        waiting: list[socket.socket] = []
        for listener in listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    waiting.append(listener.accept()[0])
        for server in self.servers:
            server.close()
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        kind: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

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
            for task in self._app.state.unanswered:
                task.cancel()
        self.should_exit = True
