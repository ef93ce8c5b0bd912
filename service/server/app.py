"""The application: wiring and lifespan, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import FastAPI

from service import __version__
from service.api import compare, depth, health, models
from service.api.access.install import install_access
from service.api.effects import routes as effects
from service.api.middleware.closing import ClosingMiddleware, UnansweredRequests
from service.api.middleware.context import RequestContextMiddleware
from service.api.middleware.gate import AdmissionGate
from service.api.middleware.head import HeadAsGet
from service.api.middleware.unexpected import UnexpectedErrors
from service.api.oip import infer as oip_infer
from service.api.oip import metadata as oip
from service.api.oip import statistics as oip_statistics
from service.api.openapi import install_openapi
from service.api.pages import install_pages
from service.api.photo_route import photo_routes
from service.api.problems import install_problem_handlers
from service.api.stream import routes as stream
from service.api.stream.places import StreamPlaces
from service.errors import TracingError
from service.machine.memory import release_free_memory
from service.observability.metrics import Metrics
from service.pipeline import runtime
from service.pipeline.photo_formats import formats_of_service
from service.settings import Settings, TraceExporter

if TYPE_CHECKING:
    from service.observability.tracing import Tracing

_DESCRIPTION = """A photo in, a depth map out, on a plain CPU.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem+json with a stable `type`;
where it helps to try again, `Retry-After` says when. Depth is *relative inverse depth*: larger is
nearer, without a unit.

What OpenAPI has no words for: `WS /v1/stream` takes a live camera's frames, a binary message each,
and answers every one with a message of JSON and one of bytes. The page's [Live tab](./#tab=live) is
such a client, `docs/stream.md` in the source tells all."""


_ROUTERS = (
    *(depth.router, compare.router, effects.router, models.router, stream.router, health.probes),
    # Statistics before metadata: no network is called stats.
    *(oip.probes, oip_statistics.router, oip.router, oip_infer.router),
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application for ``settings`` (default: from the environment).

    Raises :class:`ApiKeysError` when the file of API keys is missing or broken, and
    :class:`TracingError` when traces are asked for and cannot be made.
    """
    settings = settings or Settings()
    metrics = Metrics()
    tracing = _tracing(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.runtime = await runtime.start(settings, metrics)
        # What loading left behind; the thread is there from now on, whatever comes.
        await asyncio.to_thread(release_free_memory)
        try:
            yield
        finally:
            await app.state.runtime.stop()
            if tracing is not None:
                await asyncio.to_thread(tracing.stop)

    app = FastAPI(
        title="Depth service",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        # Names that generated clients can use: depth(), predict(), list_models().
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.metrics = metrics
    app.state.unanswered = set()
    app.state.streams = streams = StreamPlaces(settings.max_streams, settings.client_share)
    metrics.watch("depth_streams", "Live streams that are open.", lambda: streams.open)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(AdmissionGate)
    # Within CORS, so that pages of other origins can read why; what closes is around everything.
    app.add_middleware(UnansweredRequests, unanswered=app.state.unanswered)
    install_access(app, settings)
    app.add_middleware(HeadAsGet)
    app.add_middleware(ClosingMiddleware)
    app.add_middleware(
        RequestContextMiddleware,
        metrics=metrics,
        slo_seconds=settings.slo_seconds,
        tracing=tracing,
    )
    install_problem_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.state.photo_routes = photo_routes(_ROUTERS)
    if not settings.admin_port:
        app.include_router(health.scrapes)
    install_pages(app, formats_of_service(settings))
    install_openapi(app, with_keys=settings.api_keys_file is not None)
    return app


def _tracing(settings: Settings) -> Tracing | None:
    if settings.traces is TraceExporter.NONE:
        return None
    try:
        from service.observability.tracing import Tracing
    except ImportError as error:
        raise TracingError(f"needs OpenTelemetry, pip install '.[tracing]' ({error})") from error
    return Tracing()
