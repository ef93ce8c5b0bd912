"""Clients that never finish: each is let go in time, and none keeps another waiting."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wire import connect, head, trickle

PHOTO = photo_bytes("chelsea.png")
GET = head(b"GET /livez")


@pytest.fixture(scope="module")
def hasty(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server that waits half a second for the headers of a request."""
    with ServerProcess(cache_dir=str(cache_dir), header_timeout_seconds="0.5") as server:
        yield server
        assert "Traceback" not in server.log()


def test_headers_that_never_end_are_answered_408_and_closed(hasty: ServerProcess) -> None:
    with connect(hasty) as wire:
        wire.send(b"GET /livez HTTP/1.1\r\nHost: test\r\n")
        with trickle(wire, b"X-A: b\r\n"):
            answer = wire.read_answer()
            wire.wait_until_closed()
    assert answer is not None
    assert answer.status == 408
    assert (answer.problem["type"], answer.problem["status"]) == ("request-timeout", 408)


def test_a_connection_without_a_byte_is_closed_without_an_answer(hasty: ServerProcess) -> None:
    with connect(hasty) as wire:
        assert wire.wait_until_closed() == b""


def test_headers_of_a_second_request_have_the_same_time(hasty: ServerProcess) -> None:
    with connect(hasty) as wire:
        wire.send(GET)
        first = wire.read_answer()
        wire.send(GET[:10])
        second = wire.read_answer()
        wire.wait_until_closed()
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (200, 408)


@pytest.mark.parametrize("path", [b"/livez", b"/v1/depth", b"/nowhere"])
def test_the_rest_of_a_body_that_nobody_wants_is_not_awaited_for_ever(
    hasty: ServerProcess, path: bytes
) -> None:
    with connect(hasty) as wire:
        wire.send(head(b"POST " + path, b"Content-Length: 99999", b"Content-Type: text/plain"))
        answer = wire.read_answer()
        with trickle(wire, b"x"):
            wire.wait_until_closed()
    assert answer is not None
    assert answer.problem["type"] in (
        "method-not-allowed",
        "unsupported-media-type",
        "not-found",
    )


def test_a_body_that_trickles_is_answered_at_its_deadline(hasty: ServerProcess) -> None:
    request = head(
        b"POST /v1/depth",
        b"Content-Type: image/png",
        b"Content-Length: %d" % len(PHOTO),
        b"X-Request-Timeout: 1.5",
    )
    with connect(hasty) as wire:
        wire.send(request + PHOTO[:1000])
        with trickle(wire, b"\0"):
            answer = wire.read_answer()
            wire.wait_until_closed()
    assert answer is not None
    assert (answer.status, answer.problem["type"]) == (504, "deadline-exceeded")
    assert "stage read" in answer.problem["detail"]


def test_a_body_slower_than_the_headers_may_be_is_taken(hasty: ServerProcess) -> None:
    third = len(PHOTO) // 3
    pause = threading.Event()
    with connect(hasty) as wire:
        wire.send(
            head(b"POST /v1/depth", b"Content-Type: image/png", b"Content-Length: %d" % len(PHOTO))
        )
        for start in (0, third, 2 * third):
            wire.send(PHOTO[start : start + third])
            pause.wait(0.4)
        wire.send(PHOTO[3 * third :])
        answer = wire.read_answer()
    assert answer is not None
    assert (answer.status, answer.media_type) == (200, "image/png")


def test_a_pause_between_requests_may_be_longer_than_headers_take(hasty: ServerProcess) -> None:
    pause = threading.Event()
    with connect(hasty) as wire:
        for _ in range(3):
            wire.send(GET)
            answer = wire.read_answer()
            assert answer is not None
            assert answer.status == 200
            pause.wait(0.7)


def test_two_hundred_slow_clients_hold_nobody_up_and_leave_nothing_behind(
    hasty: ServerProcess,
) -> None:
    process = psutil.Process(hasty.process.pid)
    assert hasty.client.post("/v1/depth", files={"image": PHOTO}).status_code == 200
    before = process.num_fds()
    body = head(b"POST /v1/depth", b"Content-Type: image/png", b"Content-Length: 5000")
    with contextlib.ExitStack() as stack:
        # Those whose body is due are held for longer than the test takes; headers for a moment.
        for _ in range(100):
            stack.enter_context(connect(hasty)).send(body + PHOTO[:100])
        wait_until(lambda: process.num_fds() >= before + 100)
        headless = [stack.enter_context(connect(hasty)) for _ in range(100)]
        for index, wire in enumerate(headless):
            wire.send(GET[: 5 + index % 20])
        assert hasty.client.post("/v1/depth", files={"image": PHOTO}).status_code == 200
        for wire in headless:
            answer = wire.read_answer()
            assert answer is not None
            assert answer.status == 408
            wire.wait_until_closed()
    wait_until(lambda: process.num_fds() <= before)
    assert hasty.client.post("/v1/depth", files={"image": PHOTO}).status_code == 200


def test_broken_chunks_after_the_answer_close_the_connection_quietly(
    hasty: ServerProcess,
) -> None:
    with connect(hasty) as wire:
        wire.send(
            head(b"POST /nowhere", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
        )
        answer = wire.read_answer()
        wire.send(b"no chunk\r\n")
        wire.wait_until_closed()
    assert answer is not None
    assert answer.problem["type"] == "not-found"
    assert "Traceback" not in hasty.log()
