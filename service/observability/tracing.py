"""OpenTelemetry spans of requests and their stages. Needs the extra ``tracing``."""

from __future__ import annotations

import logging
import threading
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from service import __version__
from service.errors import TracingError
from service.observability.context import RequestRecord

logger = logging.getLogger(__name__)

# Less than what Kubernetes leaves a pod between its drain and SIGKILL.
_FLUSH_SECONDS = 5.0
# Others are the caller's to choose.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Tracing:
    """Makes a request's spans when it is over, and sends them from a thread of its own.

    Where to, which ones and under which name is for OpenTelemetry's standard variables to say.
    Neither the provider nor a context is made global: FastAPI would add spans of its own, with
    query strings in them.

    Raises :class:`TracingError` when one of those variables is wrong.
    """

    def __init__(self) -> None:
        try:
            processor = BatchSpanProcessor(OTLPSpanExporter())
        except ValueError as error:
            raise TracingError(f"OpenTelemetry's variables are wrong: {error}") from error
        service = {"service.name": "depth-service", "service.version": __version__}
        self._provider = TracerProvider(
            # In this order, for the variables to win.
            resource=Resource.create(service).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("service", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def report(
        self, scope: Scope, record: RequestRecord, route: str, status: int, started: float
    ) -> str | None:
        """Make the spans of a request from ``started``, by ``time.perf_counter()``, to now.

        Returns the trace's id, whether it is sampled or not; none if the SDK is disabled.
        """
        # Abandoned work may still add some; none of these ends after now.
        intervals = list(record.intervals)
        ended = time.perf_counter()
        # One reading of the clock for all, which may be set while a request runs.
        epoch = time.time_ns() - time.perf_counter_ns()

        def clock(moment: float) -> int:
            return epoch + int(1e9 * moment)

        headers = Headers(scope=scope)
        parent = self._propagator.extract(
            {name: headers.getlist(name) for name in ("traceparent", "tracestate")}
        )
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            f"{'HTTP' if method == '_OTHER' else method} {route}",
            parent,
            SpanKind.SERVER,
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "url.scheme": scope["scheme"],
                "depth.model": record.model,
                "depth.output": record.output,
                "depth.request_id": record.request_id,
            },
            start_time=clock(started),
        )
        if status >= 500:
            span.set_attribute("error.type", record.error or str(status))
            span.set_status(StatusCode.ERROR)
        if span.is_recording():
            within = set_span_in_context(span, parent)
            for stage, entered, left in intervals:
                child = self._tracer.start_span(stage, within, start_time=clock(entered))
                child.end(clock(left))
        span.end(clock(ended))
        trace_id: int = span.get_span_context().trace_id
        if not trace_id:
            return None
        text: str = format_trace_id(trace_id)
        return text

    def stop(self) -> None:
        """Send the spans that are left, unless that takes too long to be worth a late end."""
        # A daemon, so that the process can end without it.
        flush = threading.Thread(target=self._provider.shutdown, name="flush-traces", daemon=True)
        flush.start()
        flush.join(_FLUSH_SECONDS)
        if flush.is_alive():
            logger.warning("the last spans are lost: not taken within %g s", _FLUSH_SECONDS)
