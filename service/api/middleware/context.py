"""The outermost layer: request id, security headers, access log, latency metrics."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.paths import PROBES
from service.api.problems import SECURITY_HEADERS
from service.errors import DeadlineExceeded, Draining, ModelUnavailable, Overloaded, TooManyRequests
from service.observability.context import RequestRecord, log_lines_of, request_id_from
from service.observability.metrics import Metrics
from service.observability.refusals import RefusalLog

if TYPE_CHECKING:
    # Needs an extra, and takes a while to import.
    from service.observability.tracing import Tracing

logger = logging.getLogger("service.access")

# Probes and scrapes come every few seconds and would drown the rest.
_QUIET_ROUTES = PROBES | {"/metrics"}
_CROWDED = {error.slug for error in (Overloaded, TooManyRequests, Draining)}


class RequestContextMiddleware:
    """Gives every request an id and a record, and reports it when it has been answered."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        slo_seconds: float,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._slo_seconds = slo_seconds
        self._tracing = tracing
        self._refusals = RefusalLog(_CROWDED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        record = RequestRecord(request_id_from(Headers(scope=scope).get("x-request-id")))
        scope.setdefault("state", {})["record"] = record
        # A WebSocket is answered only when it is refused; a stream has a line of its own.
        status = 500 if scope["type"] == "http" else None
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = record.request_id
                headers.raw.extend(SECURITY_HEADERS)
            await send(message)

        with log_lines_of(record.request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if status is not None:
                    self._report(scope, record, status, started)

    def _report(self, scope: Scope, record: RequestRecord, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        route = record.route or route_template(scope)
        infers = route in scope["app"].state.photo_routes
        trace_id: str | None = None
        if self._tracing is not None and infers:
            trace_id = self._tracing.report(scope, record, route, status, started)
        self._metrics.observe(record, route, status, seconds, trace_id)
        if infers and self._counts(status, record.error, seconds):
            self._metrics.slo_requests.inc()
            if status // 100 == 2 and seconds <= self._slo_seconds:
                self._metrics.slo_good_requests.inc()
        level = logging.DEBUG if route in _QUIET_ROUTES else logging.INFO
        fields: dict[str, Any] = {
            "method": scope.get("method", "GET")[:20],  # Any token is a method, however long.
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "model": record.model,
            "output": record.output,
            "client": record.client,
            "error": record.error,
            "trace_id": trace_id,
        }
        if self._refusals.takes(record.error):
            return
        text = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
        logger.log(level, text, extra={"fields": fields})

    def _counts(self, status: int, error: str | None, seconds: float) -> bool:
        """For the objective.

        A network that is not installed is asked for, not promised; whom a draining instance
        refuses another serves; and no client's own deadline may be shorter than what is promised.
        """
        if error == DeadlineExceeded.slug:
            return seconds >= self._slo_seconds
        return status // 100 in (2, 5) and error not in (ModelUnavailable.slug, Draining.slug)


def route_template(scope: Scope) -> str:
    """The matched route's template, never the raw path: that one is the caller's to choose."""
    if isinstance(scope.get("endpoint"), StaticFiles):
        return "static"
    route = scope.get("route")
    return getattr(route, "path", None) or "unmatched"
