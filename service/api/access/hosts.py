"""Refuses requests for other host names than the service's own."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.paths import PROBES, route_path
from service.api.problems import error_response
from service.errors import MalformedRequest


class AllowedHostsMiddleware:
    """Lets a request through if its Host header is one of ``hosts`` (``*.name``: any below)."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._exact = frozenset(host for host in hosts if not host.startswith("*"))
        self._suffixes = tuple(host[1:] for host in hosts if host.startswith("*"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A kubelet asks by the pod's address.
        if (
            scope["type"] not in ("http", "websocket")
            or self._allows(host_name(Headers(scope=scope).get("host", "")))
            or route_path(scope) in PROBES
        ):
            await self._app(scope, receive, send)
            return
        error = MalformedRequest("The Host header names no host that is served here.")
        await error_response(HTTPConnection(scope), error)(scope, receive, send)

    def _allows(self, host: str) -> bool:
        return host in self._exact or (bool(self._suffixes) and host.endswith(self._suffixes))


def host_name(header: str) -> str:
    """The Host header in lower case, without its port."""
    host, colon, port = header.rpartition(":")
    # The colons within [::1] are not before a port.
    without_port = host if colon and (port.isdigit() or not port) else header
    return without_port.lower()
