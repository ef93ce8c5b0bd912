"""Everything one process of the service consists of, started and stopped in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from service.decoding.decoder import Decoder, InProcessDecoder
from service.decoding.isolated import DecodeLimits, IsolatedDecoder
from service.inference.catalog import CatalogHooks, NetworkCatalog
from service.inference.scheduler import BatchLimits, Scheduler
from service.inference.worker import InferenceWorker
from service.machine.cpu import cpu_budget
from service.models.choice import NetworkChoice
from service.observability.metrics import Metrics
from service.pipeline.admission import Admission, AdmissionLimits
from service.pipeline.comparison import ComparisonPipeline
from service.pipeline.depth import DepthPipeline
from service.pipeline.effect import EffectLimits, EffectPipeline
from service.pipeline.estimator import Estimator
from service.pipeline.photo_formats import formats_in_process
from service.pipeline.warm_up import warm_up
from service.pipeline.workshop import Workshop, WorkshopLimits, photo_threads
from service.settings import DecodeIsolation, Settings

# Most that decoding and transforming were seen to take are 22 bytes a pixel, with a whole photo in
# floating-point numbers; libraries differ, and an animation of WebP holds a few frames.
_BYTES_A_PIXEL = 32
_COPIES_OF_BODY = 4


@dataclass(frozen=True)
class Runtime:
    """The running parts; created on the event loop by :func:`start`."""

    settings: Settings
    metrics: Metrics
    admission: Admission
    worker: InferenceWorker
    scheduler: Scheduler
    catalog: NetworkCatalog
    decoder: Decoder
    workshop: Workshop
    pipeline: DepthPipeline
    effects: EffectPipeline
    comparison: ComparisonPipeline
    following: asyncio.Task[None]
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def is_live(self) -> bool:
        """Whether the process can still make progress; if not, it should be restarted.

        One that was told to end has nothing to be restarted for.
        """
        return self.stopped.is_set() or (
            self.worker.is_healthy()
            and self.scheduler.is_running()
            and self.decoder.is_healthy()
            and self.workshop.is_live()
        )

    def is_ready(self) -> bool:
        """Whether new requests should be sent here."""
        return (
            self.is_live()
            and not self.admission.draining
            and self.catalog.loaded(self.catalog.served.default) is not None
        )

    async def stop(self) -> None:
        """Stop the parts; accepted work has been drained before."""
        self.stopped.set()
        self.following.cancel()
        await self.scheduler.stop()
        self.workshop.close()
        self.decoder.close()
        self.catalog.close()
        self.worker.stop()


async def start(settings: Settings, metrics: Metrics) -> Runtime:
    """Start all parts and load the default network.

    Raises :class:`ModelNotFound` or :class:`ModelUnavailable` when that network cannot be served.
    """
    cores = cpu_budget()
    # First: its processes get ready while the network loads.
    decoder = _decoder(settings, metrics, photo_threads(cores))
    hooks = CatalogHooks(
        loaded=lambda network: metrics.network_loaded(network.labels, network.parity.mean),
        unloaded=lambda network: metrics.network_unloaded(network.labels),
    )
    catalog = NetworkCatalog(settings, hooks)
    try:
        await catalog.get(catalog.served.default)
        await asyncio.to_thread(decoder.wait_until_ready)
    except BaseException:
        catalog.close()
        decoder.close()
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
            settings.client_share,
        )
    )
    limits = WorkshopLimits(
        cores=cores,
        batch_size=settings.max_batch_size,
        photo_pixels=settings.max_pixels,
        work_bytes=settings.max_work_bytes,
        network_bytes=int(settings.max_network_mb * 1e6),
        scaled_decode=settings.scaled_decode,
        stuck_seconds=settings.heartbeat_timeout_seconds,
        patience_seconds=max(
            settings.heartbeat_timeout_seconds, settings.max_request_timeout_seconds
        ),
    )
    workshop = Workshop(catalog, scheduler, decoder, limits)
    estimator = Estimator(workshop)
    watch = metrics.watch
    watch(
        "depth_queue_depth",
        "Images waiting for anything: a turn, a thread, the network or an effect.",
        workshop.waiting,
    )
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
    watch(
        "depth_worker_restarts",
        "How often the inference thread ended and was replaced.",
        lambda: worker.restarts,
    )
    runtime = Runtime(
        settings,
        metrics,
        admission,
        worker,
        scheduler,
        catalog,
        decoder,
        workshop,
        DepthPipeline(workshop, estimator),
        EffectPipeline(
            workshop, estimator, EffectLimits(settings.max_pixels, settings.max_work_bytes)
        ),
        ComparisonPipeline(workshop, estimator, settings.max_work_bytes),
        asyncio.create_task(catalog.follow_files(), name="follow weights"),
    )
    await warm_up(runtime.pipeline, admission, catalog.served.choose(NetworkChoice()))
    return runtime


def _decoder(settings: Settings, metrics: Metrics, threads: int) -> Decoder:
    if settings.decode_isolation is DecodeIsolation.NONE:
        optional = formats_in_process(settings)
        return InProcessDecoder(settings.max_pixels, settings.scaled_decode, optional)
    memory_bytes = (
        int(settings.decode_memory_mb * 1e6)
        or _BYTES_A_PIXEL * settings.max_pixels + _COPIES_OF_BODY * settings.max_body_bytes
    )
    return IsolatedDecoder(
        threads,
        DecodeLimits(settings.decode_timeout_seconds, memory_bytes),
        settings.max_pixels,
        settings.scaled_decode,
        metrics.decoder_restarts.inc,
    )
