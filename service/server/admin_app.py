"""The app of the admin port: probes, metrics, networks; for the cluster and not for callers."""

from __future__ import annotations

from fastapi import FastAPI

from service.api import health
from service.api.access.origins import OwnPagesOnly
from service.api.middleware.context import RequestContextMiddleware
from service.api.middleware.head import HeadAsGet
from service.api.oip import metadata as oip
from service.api.oip import repository as oip_repository
from service.api.problems import install_problem_handlers
from service.settings import Settings


def create_admin_app(main: FastAPI, settings: Settings) -> FastAPI:
    """An app that reports on ``main``."""
    app = FastAPI(openapi_url=None)
    app.state = main.state
    # A page that an operator looks at could else unload networks.
    app.add_middleware(OwnPagesOnly)
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        RequestContextMiddleware,
        metrics=main.state.metrics,
        slo_seconds=settings.slo_seconds,
    )
    install_problem_handlers(app)
    app.include_router(health.probes)
    app.include_router(oip.probes)
    app.include_router(oip_repository.router)
    app.include_router(health.scrapes)
    return app
