"""Prometheus metrics; every label value comes from a fixed set, never from user input."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics

from service import __version__
from service.errors import (
    Draining,
    ModelUnavailable,
    Overloaded,
    PayloadTooLarge,
    TooManyRequests,
    Unauthorized,
)
from service.observability.context import STAGES, RequestRecord

# Dense around the 1-3 s target.
_REQUEST_BUCKETS = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, 30.0, 60.0, 120.0),
)
_STAGE_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0),
)
# Creation times would double the number of series, and nothing reads them.
disable_created_metrics()  # type: ignore[no-untyped-call]

_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_BATCH_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 32)

REJECTION_REASONS = tuple(
    error.slug
    for error in (
        *(Overloaded, TooManyRequests, Draining),
        *(ModelUnavailable, PayloadTooLarge, Unauthorized),
    )
)


class NetworkLabels(NamedTuple):
    """What ``depth_model_info`` says of a loaded network."""

    model: str
    kind: str
    engine: str
    precision: str
    origin: str
    weights_sha256: str


class Metrics:
    """The service's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Histogram(
            "depth_request_seconds",
            "Time from the request's first byte to the answer's last.",
            ["route", "model", "output", "status"],
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "depth_stage_seconds",
            "Time a request spent in one stage.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "depth_batch_size",
            "Images that the inference thread took from the queue together.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self.rejected = Counter(
            "depth_rejected_requests",
            "Requests refused before any work was done on them.",
            ["reason"],
            registry=self.registry,
        )
        self.cancelled = Counter(
            "depth_cancelled_requests",
            "Requests given up because their client left, by the stage they were in.",
            ["stage"],
            registry=self.registry,
        )
        self.deadline_misses = Counter(
            "depth_deadline_misses",
            "Requests answered 504, by the stage they were in.",
            ["stage"],
            registry=self.registry,
        )
        self.decoder_restarts = Counter(
            "depth_decoder_restarts",
            "Decode processes that died or were stopped and were replaced.",
            registry=self.registry,
        )
        self.slo_requests = Counter(
            "depth_slo_requests",
            "Inference requests that count for the latency objective: answered 2xx or 5xx, but for "
            "networks that are not installed here, drains, and deadlines shorter than it.",
            registry=self.registry,
        )
        self.slo_good_requests = Counter(
            "depth_slo_good_requests",
            "Of depth_slo_requests, those answered 2xx within DEPTH_SLO_SECONDS.",
            registry=self.registry,
        )
        self.models = Gauge(
            "depth_model_info",
            "1 for each loaded network.",
            NetworkLabels._fields,
            registry=self.registry,
        )
        self.parity = Gauge(
            "depth_engine_parity_ratio",
            "Mean difference of the engine from torch fp32 on the sample photo, as a share of "
            "its range.",
            ["model"],
            registry=self.registry,
        )
        Info("depth_build", "The service's version.", registry=self.registry).info(
            {"version": __version__}
        )
        self._create_label_sets()

    def observe(
        self,
        record: RequestRecord,
        route: str,
        status: int,
        seconds: float,
        trace_id: str | None = None,
    ) -> None:
        """Count a request that was answered, or a frame of a stream.

        ``trace_id`` becomes the exemplar of its bucket: from a slow one to a trace of it.
        """
        labels = (route, record.model, record.output, f"{status // 100}xx")
        exemplar = {"trace_id": trace_id} if trace_id else None
        self.requests.labels(*labels).observe(seconds, exemplar)
        for stage, took in record.stages():
            self.stages.labels(stage).observe(took)
        if record.error in REJECTION_REASONS:
            self.rejected.labels(record.error).inc()

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Export a gauge that is read at scrape time."""
        Gauge(name, documentation, registry=self.registry).set_function(read)

    def network_loaded(self, labels: NetworkLabels, parity: float) -> None:
        """Export a network that is ready to serve."""
        self.models.labels(*labels).set(1)
        self.parity.labels(labels.model).set(parity)

    def network_unloaded(self, labels: NetworkLabels) -> None:
        """No longer export it."""
        self.models.remove(*labels)
        self.parity.remove(labels.model)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics, and their media type: OpenMetrics, which has exemplars, if it is asked for.

        ``accept`` is the header of that name; else it is Prometheus' older text format.
        """
        types = {item.partition(";")[0].strip() for item in accept.lower().split(",")}
        if openmetrics.CONTENT_TYPE_LATEST.partition(";")[0] in types:
            body: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return body, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self.registry), _TEXT_FORMAT

    def _create_label_sets(self) -> None:
        # A counter that first appears with a value gives rate() nothing to start from.
        for stage in STAGES:
            self.stages.labels(stage)
            self.cancelled.labels(stage)
            self.deadline_misses.labels(stage)
        for reason in REJECTION_REASONS:
            self.rejected.labels(reason)
