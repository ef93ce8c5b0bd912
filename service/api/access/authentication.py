"""Refuses requests without a valid API key, before anything of their body is read."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.access.keys import ApiKeys
from service.api.paths import PROBES, route_path
from service.api.problems import error_response
from service.errors import Unauthorized
from service.observability.context import RequestRecord

# The pages tell nothing that the source code does not; what they call needs a key. All other
# paths, also those of routes added later, are closed.
_PUBLIC = PROBES | {"/", "/favicon.ico", "/docs", "/redoc", "/openapi.json"}
_PUBLIC_FOLDER = "/static/"
_HINT = "Send it as Authorization: Bearer KEY, or as X-API-Key: KEY."


class AuthenticationMiddleware:
    """Lets requests with a known key through and notes whose it is."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # A browser's key comes in its first message, so the route asks for it.
            scope.setdefault("state", {})["keys"] = self._keys
        if scope["type"] != "http" or _is_public(route_path(scope)):
            await self._app(scope, receive, send)
            return
        key = presented_key(scope["headers"])
        name = self._keys.name_of(key) if key else None
        if name is None:
            reason = "The API key is not valid." if key else "This service needs an API key."
            refusal = error_response(Request(scope), Unauthorized(f"{reason} {_HINT}"))
            await refusal(scope, receive, send)
            return
        record: RequestRecord = scope["state"]["record"]
        record.client = name
        await self._app(scope, receive, send)


def _is_public(path: str) -> bool:
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDER)


def presented_key(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The key in a request's headers; empty if there is none."""
    own_header = b""
    for name, value in headers:
        if name == b"authorization":
            # Another scheme may be meant for a proxy in front.
            scheme, _, credentials = value.partition(b" ")
            if scheme.lower() == b"bearer":
                return credentials.strip()
        elif name == b"x-api-key":
            own_header = value.strip()
    return own_header
