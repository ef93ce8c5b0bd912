"""Refuses photos that cannot enter before they are routed, as most cannot under overload."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.identity import client_of
from service.api.paths import route_path
from service.api.problems import error_response
from service.errors import DepthError
from service.observability.context import RequestRecord
from service.pipeline.admission import Admission


class AdmissionGate:
    """Answers for the routes when no request of any size could enter.

    They would refuse as well, but after their parameters have been read. A route that still does
    so takes 1.6 times as much of the event loop (`python -m load_tests.refusals`), in the time of
    those that were accepted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _brings_a_photo(scope):
            await self._app(scope, receive, send)
            return
        admission: Admission = scope["app"].state.runtime.admission
        try:
            admission.check_open(client_of(scope))
        except DepthError as error:
            record: RequestRecord = scope["state"]["record"]
            record.route = route_path(scope)
            await error_response(Request(scope), error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _brings_a_photo(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    return route_path(scope) in scope["app"].state.photo_routes
