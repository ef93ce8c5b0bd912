"""A collector of OpenTelemetry's traces: takes spans over HTTP and keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.local_server import Answer, LocalServer
from tests.support.programs import require_module

_service = require_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
_trace = require_module("opentelemetry.proto.trace.v1.trace_pb2")

SERVER_KIND: int = _trace.Span.SPAN_KIND_SERVER
ERROR: int = _trace.Status.STATUS_CODE_ERROR
UNSET: int = _trace.Status.STATUS_CODE_UNSET


@dataclass(frozen=True)
class Span:
    """What the tests look at of a span; ids are in hexadecimal, times in nanoseconds."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    kind: int
    status: int
    started: int
    ended: int
    attributes: dict[str, str | int]


class Collector(LocalServer):
    """``POST /v1/traces`` on 127.0.0.1 and a free port, as a context manager."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self.resources: list[dict[str, str | int]] = []
        self.bodies: list[bytes] = []

    def servers(self) -> list[Span]:
        """The spans of whole requests, in the order in which they began."""
        found = [span for span in self.spans if span.kind == SERVER_KIND]
        return sorted(found, key=lambda span: span.started)

    def children(self, parent: Span) -> list[Span]:
        return [span for span in self.spans if span.parent_id == parent.span_id]

    def respond(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See :class:`LocalServer`."""
        self.bodies.append(body)
        for group in _service.ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(_values(group.resource.attributes))
            for scope in group.scope_spans:
                self.spans += map(_span, scope.spans)
        return Answer(200 if path == "/v1/traces" else 404)


def _values(attributes: Any) -> dict[str, str | int]:
    return {
        item.key: getattr(item.value, item.value.WhichOneof("value"))
        for item in attributes
        if item.value.WhichOneof("value") in ("string_value", "int_value")
    }


def _span(span: Any) -> Span:
    return Span(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.kind,
        span.status.code,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _values(span.attributes),
    )
