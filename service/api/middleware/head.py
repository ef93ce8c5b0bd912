"""HEAD wherever there is GET (RFC 9110, 9.3.2): uptime monitors and balancers probe by it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SET_BY_ROUTING = ("route", "endpoint")


class HeadAsGet:
    """Answers HEAD as GET would be answered, without the body. FastAPI's routes answer 405."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # A copy: the server and the log must see the method that was sent, and the route found.
        inner = dict(scope, method="GET")
        try:
            await self._app(inner, receive, send_without_body)
        finally:
            scope.update({key: inner[key] for key in _SET_BY_ROUTING if key in inner})
