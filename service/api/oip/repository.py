"""The protocol's extension for model repositories: networks are loaded and unloaded while it runs.

On the admin port only: it is not for callers.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.api.oip.metadata import TAG, VERSION
from service.pipeline.runtime import Runtime

_LOADS_AT_FIRST = "not loaded; the first request for it loads it"

router = APIRouter(tags=[TAG], prefix="/v2/repository")


class IndexQuery(BaseModel):
    """What the index is asked for; what is not known here is ignored."""

    ready: bool = False


class IndexEntry(BaseModel):
    """A network of the repository."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


@router.post("/index")
async def repository_index(request: Request, query: IndexQuery | None = None) -> list[IndexEntry]:
    """List the networks that are served; with ``ready`` only those that are loaded."""
    catalog = request.app.state.runtime.catalog
    entries = []
    for spec in catalog.served.specs:
        loaded = catalog.loaded(spec.name) is not None
        if loaded or query is None or not query.ready:
            entries.append(
                IndexEntry(
                    name=spec.name,
                    version=VERSION,
                    state="READY" if loaded else "UNAVAILABLE",
                    reason="" if loaded else catalog.refusal(spec) or _LOADS_AT_FIRST,
                )
            )
    return entries


@router.post("/models/{name}/load")
async def repository_load(request: Request, name: str) -> Response:
    """Load a network, or load it anew; the one that serves is replaced once the new one works."""
    runtime: Runtime = request.app.state.runtime
    await runtime.catalog.reload(name)
    return Response()


@router.post("/models/{name}/unload")
async def repository_unload(request: Request, name: str) -> Response:
    """Give a network's memory back; the next request for it loads it again."""
    runtime: Runtime = request.app.state.runtime
    runtime.catalog.unload(name)
    return Response()
