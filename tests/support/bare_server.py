"""The server around a small app of the test's own, in this process: no network is loaded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.identity import client_of
from service.commands.serve import listen_as_told, server_config
from service.server.sockets import address_of
from service.settings import Settings
from tests.support.waiting import wait_until


@dataclass
class BareServer:
    """Where it listens."""

    url: str
    server: uvicorn.Server

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server.server_state.connections)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 80


@contextlib.contextmanager
def bare_server(app: ASGIApp, **settings: object) -> Iterator[BareServer]:
    """Serve ``app`` as the service is served; stopped at the end."""
    checked = Settings(**{"port": 0, **settings})  # type: ignore[arg-type]
    server = uvicorn.Server(server_config(app, checked))
    listeners = listen_as_told(checked)
    thread = threading.Thread(target=server.run, args=(listeners,))
    thread.start()
    url = address_of(listeners[0]).replace("[::]", "127.0.0.1")
    try:
        wait_until(lambda: server.started)
        yield BareServer(url, server)
    finally:
        server.should_exit = True
        thread.join()


async def say_client(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers with the identity of its caller, and the scheme."""
    await PlainTextResponse(f"{client_of(scope)} {scope['scheme']}")(scope, receive, send)
