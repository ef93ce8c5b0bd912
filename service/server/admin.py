"""The server of the admin port, beside the main one on the same event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from service.server.sockets import address_of, bind

logger = logging.getLogger(__name__)

_STOP_SECONDS = 1


class AdminServer:
    """Answers from :meth:`start` to :meth:`stop`; who connects before that waits.

    Raises :class:`OSError` when the port is not free.
    """

    def __init__(
        self, app: ASGIApp, connection: type[asyncio.Protocol], hosts: Sequence[str], port: int
    ) -> None:
        self._listeners = bind(hosts, port)
        for listener in self._listeners:
            # At once: of two processes that start together the second must fail here.
            listener.listen()
        self._server = _SilentServer(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                http=connection,
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer."""
        addresses = ", ".join(address_of(listener) for listener in self._listeners)
        self._task = asyncio.create_task(self._server.serve(self._listeners))
        logger.info("probes and metrics on %s", addresses)

    async def stop(self) -> None:
        """Close the port."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _SilentServer(uvicorn.Server):
    """Leaves the signals to the main server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
