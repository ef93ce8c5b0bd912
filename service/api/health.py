"""Probes and metrics."""

from __future__ import annotations

import re
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from isal import igzip

from service import __version__
from service.api.schemas import Health, problem_responses
from service.errors import Unauthorized
from service.pipeline.runtime import Runtime

probes = APIRouter(tags=["operations"])
scrapes = APIRouter(tags=["operations"])

_UNHEALTHY: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "No."}}


@probes.get("/livez", summary="Should this process be restarted?", responses=_UNHEALTHY)
async def livez(request: Request, response: Response) -> Health:
    """Say 503 when the inference thread died or is stuck."""
    runtime: Runtime = request.app.state.runtime
    return _health(runtime, response, ok=runtime.is_live())


@probes.get("/readyz", summary="May requests be sent here?", responses=_UNHEALTHY)
async def readyz(request: Request, response: Response) -> Health:
    """Say 503 while shutting down, or when not live."""
    runtime: Runtime = request.app.state.runtime
    return _health(runtime, response, ok=runtime.is_ready())


@probes.get("/healthz", summary="Is all well?", responses=_UNHEALTHY)
async def healthz(request: Request, response: Response) -> Health:
    """Live and ready in one answer, for people and simple monitors."""
    runtime: Runtime = request.app.state.runtime
    return _health(runtime, response, ok=runtime.is_live() and runtime.is_ready())


@scrapes.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {}, "application/openmetrics-text": {}},
            "description": "Prometheus' text format, or OpenMetrics with exemplars.",
        },
        **problem_responses(Unauthorized),
    },
)
async def metrics(request: Request) -> Response:
    """Export the metrics, in OpenMetrics and compressed for whom that suits."""
    runtime: Runtime = request.app.state.runtime
    body, media_type = runtime.metrics.exposition(request.headers.get("accept", ""))
    headers = {"Content-Type": media_type, "Vary": "Accept, Accept-Encoding"}
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        # 72 kB for each scrape become 4.
        body = igzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers)


def _takes_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters)
    return False


def _health(runtime: Runtime, response: Response, *, ok: bool) -> Health:
    draining = runtime.admission.draining
    status: Literal["ok", "draining", "failed"] = "ok" if ok else "failed"
    if draining:
        status = "draining"
    response.status_code = 200 if ok else 503
    return Health(
        status=status,
        version=__version__,
        checks={
            "worker": runtime.is_live(),
            "model": runtime.catalog.loaded(runtime.catalog.served.default) is not None,
            "accepting": not draining,
        },
    )
