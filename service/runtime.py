"""Everything one process of the service consists of, started and stopped in order."""

from __future__ import annotations

from dataclasses import dataclass

from service.inference.admission import Admission, AdmissionLimits
from service.inference.catalog import NetworkCatalog
from service.inference.scheduler import BatchLimits, Scheduler
from service.inference.threads import cpu_budget
from service.inference.worker import InferenceWorker
from service.observability.metrics import Metrics
from service.pipeline import DepthPipeline
from service.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """The running parts; created on the event loop by :func:`start`."""

    settings: Settings
    metrics: Metrics
    admission: Admission
    worker: InferenceWorker
    scheduler: Scheduler
    catalog: NetworkCatalog
    pipeline: DepthPipeline

    def is_live(self) -> bool:
        """Whether the process can still make progress; if not, it should be restarted."""
        return (
            self.worker.is_healthy()
            and self.scheduler.is_running()
            and self.pipeline.oldest_work_seconds() < self.settings.heartbeat_timeout_seconds
        )

    def is_ready(self) -> bool:
        """Whether new requests should be sent here."""
        return (
            self.is_live()
            and not self.admission.draining
            and self.catalog.loaded(self.settings.model) is not None
        )

    async def stop(self) -> None:
        """Stop the parts; accepted work has been drained before."""
        await self.scheduler.stop()
        self.pipeline.close()
        self.catalog.close()
        self.worker.stop()


async def start(settings: Settings, metrics: Metrics) -> Runtime:
    """Start all parts and load the default network.

    Raises :class:`ModelNotFound` or :class:`ModelUnavailable` when that network cannot be served.
    """
    catalog = NetworkCatalog(settings, on_load=metrics.network_loaded)
    try:
        await catalog.get(settings.model)
    except BaseException:
        catalog.close()
        raise
    worker = InferenceWorker(settings.heartbeat_timeout_seconds)
    worker.start()
    scheduler = Scheduler(
        worker,
        BatchLimits(
            settings.max_batch_size,
            settings.max_batch_megapixels,
            settings.batch_window_ms / 1000,
        ),
        on_batch=metrics.batch_size.observe,
    )
    scheduler.start()
    admission = Admission(
        AdmissionLimits(
            settings.max_requests,
            int(settings.max_admitted_mb * 1e6),
            settings.max_admitted_megapixels,
        )
    )
    pipeline = DepthPipeline(
        catalog,
        scheduler,
        settings.max_pixels,
        settings.scaled_decode,
        image_threads=max(2, cpu_budget()),
    )
    watch = metrics.watch
    watch("depth_queue_depth", "Images waiting for the network.", scheduler.waiting)
    watch(
        "depth_queue_megapixels",
        "Network-input megapixels waiting for the network.",
        scheduler.waiting_megapixels,
    )
    watch(
        "depth_admitted_requests",
        "Requests being decoded, queued, inferred or encoded.",
        lambda: admission.requests,
    )
    watch(
        "depth_admitted_megapixels",
        "Image megapixels of the admitted requests.",
        lambda: admission.megapixels,
    )
    watch(
        "depth_worker_heartbeat_age_seconds",
        "Seconds since the inference thread last moved.",
        worker.heartbeat_age,
    )
    return Runtime(settings, metrics, admission, worker, scheduler, catalog, pipeline)
