"""Errors as RFC 9457 problem+json."""

from __future__ import annotations

import logging
import math

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from service.api.paths import is_open_inference
from service.errors import DepthError, InvalidParameter
from service.observability.context import RequestRecord, log_lines_of

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
# For browsers, on every answer; the pages add a Content-Security-Policy of their own.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    # Scripts that DEPTH_CORS_ORIGINS lets in are not concerned: this is about embedding.
    (b"cross-origin-resource-policy", b"same-origin"),
)
_WORDS = {"extra_forbidden": "there is no such parameter; see /docs"}
_HTTP_SLUGS = {404: "not-found", 405: "method-not-allowed"}


def problem_body(status: int, slug: str, title: str, detail: str) -> dict[str, object]:
    """The members of RFC 9457."""
    return {"type": slug, "title": title, "status": status, "detail": detail}


def problem_response(
    status: int,
    slug: str,
    title: str,
    detail: str,
    request: HTTPConnection,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem+json response; also notes the slug for the access log.

    Clients of the Open Inference Protocol get ``{"error": ...}`` with the same status.
    """
    record: RequestRecord | None = getattr(request.state, "record", None)
    body = problem_body(status, slug, title, detail)
    if record is not None:
        record.error = slug
        body["request_id"] = record.request_id
    if is_open_inference(request.scope):
        return Response(
            orjson.dumps({"error": f"{title}: {detail}"}), status, headers, "application/json"
        )
    return Response(orjson.dumps(body), status, headers, PROBLEM_JSON)


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the app, known or not, a problem+json.

    The handlers are coroutines because Starlette runs plain functions in threads, which under
    overload, when most answers are errors, wait for a processor. To a WebSocket that was not
    accepted they are the answer to its opening request.
    """
    app.add_exception_handler(DepthError, _depth_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(WebSocketRequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _last_resort)


def error_response(request: HTTPConnection, error: DepthError) -> Response:
    """The answer that an error of the service's own becomes."""
    headers = dict(error.headers)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    return problem_response(error.status, error.slug, error.title, error.detail, request, headers)


async def _depth_error(request: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, DepthError)  # noqa: S101 (Starlette's handler type is wider)
    return error_response(request, error)


async def _validation_error(request: HTTPConnection, error: Exception) -> Response:
    assert isinstance(  # noqa: S101 (as above)
        error, (RequestValidationError, WebSocketRequestValidationError)
    )
    # The value itself is not echoed: it is the caller's, of any size and content.
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or fault['loc'][0]}: "
        f"{_WORDS.get(fault['type'], fault['msg'])}"
        for fault in error.errors()
    )
    return error_response(request, InvalidParameter(faults[:1000]))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (as above)
    slug = _HTTP_SLUGS.get(error.status_code, "http-error")
    headers = dict(error.headers or {})
    title = str(error.detail)
    # A method may be of any length.
    detail = f"{request.method[:20]} on this path is not something the service offers; see /docs."
    return problem_response(error.status_code, slug, title, detail, request, headers)


def unexpected_error(request: Request, error: Exception) -> Response:
    """The answer to an error that is none of the service's own; also logs it.

    It is the last of its connection: nobody knows what the error left of the request unread.
    """
    logger.error("unexpected error", exc_info=error)
    response = error_response(
        request, DepthError("An unexpected error; the log has its request id.")
    )
    response.headers["Connection"] = "close"
    return response


async def _last_resort(request: Request, error: Exception) -> Response:
    """Of middleware: this runs outside of that which adds id and headers to every other answer."""
    record: RequestRecord = request.state.record
    with log_lines_of(record.request_id):
        response = unexpected_error(request, error)
    response.raw_headers.extend(SECURITY_HEADERS)
    response.headers["X-Request-ID"] = record.request_id
    return response
