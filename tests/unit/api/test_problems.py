from __future__ import annotations

import asyncio
import inspect

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.middleware.context import RequestContextMiddleware
from service.api.middleware.unexpected import UnexpectedErrors
from service.api.problems import SECURITY_HEADERS, install_problem_handlers
from service.observability.metrics import Metrics
from tests.support.bare_server import bare_server
from tests.support.log_lines import LogLines

ORIGIN = "https://app.example.com"


async def broken() -> None:
    raise RuntimeError("secret detail")


class BrokenMiddleware:
    """Fails outside of what answers errors within."""

    def __init__(self, app: ASGIApp) -> None:
        pass

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await broken()


def broken_app(*more: type[BrokenMiddleware]) -> FastAPI:
    """An app as ours is built, with a route that fails, and ``more`` middleware."""
    app = FastAPI()
    app.add_middleware(UnexpectedErrors)
    for middleware in more:
        app.add_middleware(middleware)
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])
    app.add_middleware(RequestContextMiddleware, metrics=Metrics(), slo_seconds=3)
    install_problem_handlers(app)
    app.get("/")(broken)
    app.state.photo_routes = frozenset()
    return app


@pytest.fixture(params=[(), (BrokenMiddleware,)], ids=["route", "middleware"])
def app(request: pytest.FixtureRequest) -> FastAPI:
    return broken_app(*request.param)


def get(app: FastAPI) -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/", headers={"Origin": ORIGIN})

    return asyncio.run(get())


def test_an_unexpected_error_is_a_problem_with_all_headers_once(app: FastAPI) -> None:
    answer = get(app)
    assert (answer.status_code, answer.json()["type"]) == (500, "internal-error")
    assert "secret detail" not in answer.text
    assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]
    for name, value in SECURITY_HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


def test_pages_may_read_that_an_error_was_unexpected() -> None:
    assert get(broken_app()).headers.get_list("access-control-allow-origin") == [ORIGIN]


def test_the_log_of_an_unexpected_error_has_the_request_id_that_the_answer_promises(
    app: FastAPI,
) -> None:
    with LogLines() as lines:
        answer = get(app)
    promised = (answer.json()["request_id"], "unexpected error")
    assert [line for line in lines if line == promised] == [promised]


def test_an_unexpected_error_ends_its_connection_and_says_so(app: FastAPI) -> None:
    """A client would else send its next request where nobody listens any more."""
    with bare_server(app) as server, httpx.Client() as client:
        for _ in range(5):
            answer = client.get(server.url)
            assert (answer.status_code, answer.headers["connection"]) == (500, "close")


def test_handlers_run_on_the_loop() -> None:
    """Starlette would run plain functions in threads, which under overload wait their turn."""
    app = FastAPI()
    install_problem_handlers(app)
    assert all(map(inspect.iscoroutinefunction, app.exception_handlers.values()))
