"""Who may call: host names, other origins' pages, API keys."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from service.api.access.authentication import AuthenticationMiddleware
from service.api.access.hosts import AllowedHostsMiddleware
from service.api.access.keys import ApiKeys
from service.api.headers import EXPOSED_HEADERS, JSON_LENGTH_HEADER
from service.settings import Settings

_REQUEST_HEADERS = (
    *("Authorization", "X-API-Key", "X-Request-ID", "X-Request-Timeout", "Content-Encoding"),
    *(JSON_LENGTH_HEADER, "traceparent", "tracestate"),
)


def install_access(app: FastAPI, settings: Settings) -> None:
    """Add what ``settings`` asks for, innermost first; nothing by default.

    Raises :class:`ApiKeysError` when the file of API keys is missing or broken.
    """
    if settings.api_keys_file is not None:
        app.add_middleware(AuthenticationMiddleware, keys=ApiKeys(settings.api_keys_file))
    if settings.cors_origins:
        # Around authentication: preflights carry no key, and pages may read why they are refused.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
    if settings.allowed_hosts:
        app.add_middleware(AllowedHostsMiddleware, hosts=settings.allowed_hosts)
