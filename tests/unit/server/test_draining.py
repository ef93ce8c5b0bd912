"""What signals do to a server, by a clock of the test's own."""

from __future__ import annotations

import contextlib
import signal
import socket
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI

from service.server import draining
from service.server.draining import DrainingServer
from service.settings import Settings


class Clock:
    """Stands in for ``time``."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(draining, "time", clock)
    return clock


@pytest.fixture
def server() -> DrainingServer:
    app = FastAPI()
    app.state.runtime = SimpleNamespace(admission=Mock())
    return DrainingServer(uvicorn.Config(app), app, Settings(), None)


def test_a_signal_that_comes_twice_is_one(server: DrainingServer, clock: Clock) -> None:
    """`make serve` passes on what its process group was sent already."""
    server.handle_exit(signal.SIGTERM, None)
    clock.now += 0.4
    server.handle_exit(signal.SIGTERM, None)
    server._app.state.runtime.admission.begin_drain.assert_called_once()
    assert not server.should_exit


def test_the_second_signal_ends_it_however_often_it_is_sent(
    server: DrainingServer, clock: Clock
) -> None:
    server.handle_exit(signal.SIGINT, None)
    for _ in range(2):
        assert not server.should_exit
        clock.now += 0.3
        server.handle_exit(signal.SIGINT, None)
    assert server.should_exit


def test_the_first_signal_does_not_end_a_drain_that_began_without_one(
    server: DrainingServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over its memory limit it drains by itself; the orchestrator then tells it to end."""
    monkeypatch.setattr(draining, "resident_bytes", lambda: 1e12)
    server._settings = Settings(max_memory_mb=1)
    server._check_memory()
    assert server.outgrew_its_memory
    server.handle_exit(signal.SIGTERM, None)
    assert not server.should_exit


def test_a_signal_before_there_is_anything_to_drain_ends_it(clock: Clock) -> None:
    app = FastAPI()
    server = DrainingServer(uvicorn.Config(app), app, Settings(), None)
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit


def test_who_cannot_listen_has_not_started(caplog: pytest.LogCaptureFixture) -> None:
    """Two that start together may both have bound a port; one listens first."""
    app = FastAPI()
    server = DrainingServer(uvicorn.Config(app, log_config=None), app, Settings(), None)
    with contextlib.ExitStack() as open_sockets:
        first, second = (
            open_sockets.enter_context(socket.socket(socket.AF_INET)) for _ in range(2)
        )
        for listener in (first, second):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.listen()
        with caplog.at_level("ERROR"):
            server.run([second])
    assert not server.started
    assert "another server listens there" in caplog.text
