"""Whose page asks: browsers let any page send to anywhere, and only Origin tells."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response
from service.errors import OriginRefused


class OwnPagesOnly:
    """Refuses what a page of another site sends, such as a form that its visitor never sees."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_own_page(connection := HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return
        error = OriginRefused("A page of another origin may not ask here.")
        await error_response(connection, error)(scope, receive, send)


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether no page asks, or one of the host that is asked."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    try:
        whose = urlsplit(origin).netloc.lower()
    except ValueError:
        # As of "http://[", which is nobody's.
        return False
    return whose == connection.headers.get("host", "").lower()
