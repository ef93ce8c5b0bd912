"""Routes that bring a photo or a tensor: what is gated, counts for the objective and is traced."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute


class PhotoRoute(APIRoute):
    """A route whose requests cost inference; ``APIRouter(route_class=PhotoRoute)`` makes them."""


def photo_routes(routers: Iterable[APIRouter]) -> frozenset[str]:
    """The paths of every :class:`PhotoRoute`, as templates."""
    routes = (route for router in routers for route in router.routes)
    return frozenset(route.path for route in routes if isinstance(route, PhotoRoute))
