"""``serve``: run the HTTP server, and stop it without losing an accepted request."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.commands.failing import fail
from service.errors import ApiKeysError, DepthError, TracingError, WeightsError
from service.inference.catalog import LOADER, check_fits
from service.machine.memory import (
    keep_large_buffers,
    limit_arenas,
    limit_kernel_caches,
)
from service.models.choice import NetworkChoice
from service.models.served_networks import ServedNetworks
from service.models.weights import WeightsStore
from service.observability.logging import configure_logging
from service.server.admin import AdminServer
from service.server.admin_app import create_admin_app
from service.server.app import create_app
from service.server.connection import connections_bounded_by
from service.server.draining import DrainingServer
from service.server.sockets import UnixListener, bind
from service.server.stream_connection import StreamConnection
from service.settings import Settings

logger = logging.getLogger(__name__)

_THREADS_END_SECONDS = 2.0
_LARGEST_FRAME_BYTES = 4_000_000


def serve(settings: Settings) -> int:
    """Run until stopped; returns the process's exit status."""
    configure_logging(settings)
    limit_arenas()
    keep_large_buffers()
    limit_kernel_caches()
    try:
        # Said in a sentence here, before the server starts, rather than in a traceback after.
        app = app_as_told(settings)
        admin = _admin_server(app, settings)
        # Last: a Unix socket leaves a file where nothing follows.
        listeners = listen_as_told(settings)
    except CannotServe as reason:
        return fail(str(reason))
    served = ServedNetworks.of(settings)
    logger.info("%s answers by default: %s", served.default, served.why)
    server = DrainingServer(server_config(app, settings), app, settings, admin)
    server.run(listeners)
    status = 0 if server.started and not server.outgrew_its_memory else 1
    _leave_stuck_threads(status)
    return status


class CannotServe(Exception):
    """A setting that cannot be followed, and why."""


def app_as_told(settings: Settings) -> FastAPI:
    """The app of ``settings``; raises :class:`CannotServe` where a start would fail.

    Whether its ports are free shows when they are bound.
    """
    _check_network(settings)
    if settings.uds is None and settings.admin_port and settings.admin_port == settings.port:
        raise CannotServe("DEPTH_ADMIN_PORT must differ from DEPTH_PORT")
    with (
        _blame("DEPTH_API_KEYS_FILE", ApiKeysError),
        _blame(f"DEPTH_TRACES={settings.traces}", TracingError),
    ):
        return create_app(settings)


@contextlib.contextmanager
def _blame(setting: str, *errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise CannotServe(f"{setting}: {error}") from error


def _check_network(settings: Settings) -> None:
    with _blame(f"DEPTH_MODEL={settings.model}, DEPTH_MODELS, DEPTH_RESOLUTION", DepthError):
        served = ServedNetworks.of(settings)
        spec = served.choose(NetworkChoice())
        served.check_licence(spec)
        check_fits(spec, settings)
    with _blame(f"DEPTH_MODEL={settings.model}", WeightsError):
        WeightsStore(settings.weights_dir).verify(spec)


def listen_as_told(settings: Settings) -> list[socket.socket]:
    """The sockets of ``settings``, bound."""
    if settings.uds is not None:
        with _blame(f"DEPTH_UDS={settings.uds}", OSError):
            return [UnixListener(settings.uds)]
    with _blame(f"DEPTH_HOST={settings.host}, DEPTH_PORT={settings.port}", OSError):
        return bind(settings.hosts, settings.port)


def _admin_server(app: FastAPI, settings: Settings) -> AdminServer | None:
    if not settings.admin_port:
        return None
    with _blame(f"DEPTH_ADMIN_PORT={settings.admin_port}", OSError):
        return AdminServer(
            create_admin_app(app, settings),
            connections_bounded_by(settings),
            settings.hosts,
            settings.admin_port,
        )


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves ``app``."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # httptools, uvicorn's default, bounds neither the size of headers nor their number, and
        # loses the body of clients that offer HTTP/2 (Java's do).
        http=connections_bounded_by(settings),
        # For live cameras: one frame a message, of what is compressed already.
        ws=StreamConnection,
        ws_max_size=min(settings.max_body_bytes, _LARGEST_FRAME_BYTES),
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        root_path=settings.root_path,
        server_header=False,
        # uvicorn's default believes what any program on this host says of its address.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[
            form for proxy in settings.trusted_proxies for form in (proxy, _as_ipv6(proxy))
        ],
        # Past the drain, answers still being sent get this long.
        timeout_graceful_shutdown=5,
        timeout_keep_alive=settings.keep_alive_seconds,
    )


def _as_ipv6(network: str) -> str:
    """How the addresses of a network read on a socket for both families: ``::ffff:10.0.0.1``."""
    ip = ipaddress.ip_network(network)
    if isinstance(ip, ipaddress.IPv6Network):
        return network
    return f"::ffff:{ip.network_address}/{96 + ip.prefixlen}"


def _leave_stuck_threads(status: int) -> None:
    """End the process even if a decoder hangs: Python would wait for its thread for ever.

    With ``status`` where all that is left is a network that is loaded for nobody any more.
    """
    give_up_at = time.monotonic() + _THREADS_END_SECONDS
    threads = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    for thread in threads:
        thread.join(max(0.0, give_up_at - time.monotonic()))
    left = [thread.name for thread in threads if thread.is_alive()]
    for name in left:
        if name.startswith(LOADER):
            logger.info("the load of a network is left, for which nobody waits")
        else:
            logger.error("leaving thread %s behind, which does not end", name)
            status = 1
    if left:
        logging.shutdown()
        os._exit(status)
