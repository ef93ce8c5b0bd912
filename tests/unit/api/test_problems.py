from __future__ import annotations

import asyncio
import inspect

import httpx
from fastapi import FastAPI

from service.api.middleware.context import RequestContextMiddleware
from service.api.problems import SECURITY_HEADERS, install_problem_handlers
from service.observability.metrics import Metrics
from tests.support.bare_server import bare_server
from tests.support.log_lines import LogLines


def app_with_a_broken_route() -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestContextMiddleware, metrics=Metrics(), slo_seconds=3)
    install_problem_handlers(app)

    @app.get("/")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    return app


def get_from_a_broken_route() -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app_with_a_broken_route(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/")

    return asyncio.run(get())


def test_an_unexpected_error_is_a_problem_with_all_headers_once() -> None:
    answer = get_from_a_broken_route()
    assert (answer.status_code, answer.json()["type"]) == (500, "internal-error")
    assert "secret detail" not in answer.text
    assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]
    for name, value in SECURITY_HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


def test_the_log_of_an_unexpected_error_has_the_request_id_that_the_answer_promises() -> None:
    with LogLines() as lines:
        answer = get_from_a_broken_route()
    assert (answer.json()["request_id"], "unexpected error") in lines


def test_an_unexpected_error_ends_its_connection_and_says_so() -> None:
    """A client would else send its next request where nobody listens any more."""
    with bare_server(app_with_a_broken_route()) as server, httpx.Client() as client:
        for _ in range(5):
            answer = client.get(server.url)
            assert (answer.status_code, answer.headers["connection"]) == (500, "close")


def test_handlers_run_on_the_loop() -> None:
    """Starlette would run plain functions in threads, which under overload wait their turn."""
    app = FastAPI()
    install_problem_handlers(app)
    assert all(map(inspect.iscoroutinefunction, app.exception_handlers.values()))
