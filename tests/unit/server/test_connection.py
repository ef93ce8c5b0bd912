"""What a connection does with its client, over real sockets and around a small app."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from service.api.deadline import HALF_CLOSED
from service.server.request_head import LONGEST_HEADERS_BYTES, LONGEST_LINE_BYTES
from service.settings import Settings
from tests.support.bare_server import BareServer, bare_server
from tests.support.waiting import wait_until
from tests.support.wire import Wire, WireAnswer, connect, head

GET = head(b"GET /")
LARGE = bytes(30_000_000)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers /refused at once, /half-closed once the client has ended its side, all else whole.

    /large is answered with more than a client's machine takes for it.
    """
    if scope["path"] == "/half-closed":
        while not scope["state"].get(HALF_CLOSED):
            await receive()
    elif scope["path"] != "/refused":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = LARGE if scope["path"] == "/large" else b"done"
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[BareServer]:
    with bare_server(app, header_timeout_seconds=0.5) as running:
        yield running


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def line_of(size: int) -> bytes:
    """A request whose first line has so many bytes."""
    return head(b"GET /" + b"a" * (size - len("GET / HTTP/1.1\r")))


def headers_of(size: int, *, padding: bytes = b"a") -> bytes:
    """A request whose headers, with the empty line that ends them, have so many bytes."""
    rest = len(b"\nHost: test\r\nX-A: \r\n\r\n")
    return head(b"GET /", b"X-A: " + padding * (size - rest))


HEADS = {
    "longest line": (200, line_of(LONGEST_LINE_BYTES)),
    "line too long": (414, line_of(LONGEST_LINE_BYTES + 1)),
    "line far too long": (414, line_of(200_000)),
    "line that never ends": (414, b"GET /" + b"a" * 60_000),
    "largest headers": (200, headers_of(LONGEST_HEADERS_BYTES)),
    "headers too large": (431, headers_of(LONGEST_HEADERS_BYTES + 1)),
    "padding counts": (431, headers_of(LONGEST_HEADERS_BYTES + 1, padding=b" ")),
    "headers far too large": (431, headers_of(200_000)),
    "many headers": (431, head(b"GET /", *(b"X-%d: a" % i for i in range(5000)))),
    "headers that never end": (431, headers_of(60_000)[:-4]),
    "line and headers at their bounds": (
        200,
        line_of(LONGEST_LINE_BYTES).replace(
            b"Host: test\r\n\r\n", headers_of(LONGEST_HEADERS_BYTES).partition(b"\n")[2]
        ),
    ),
}


@pytest.mark.parametrize("size", [1 << 20, 17_000, 1000, 77])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_judged_by_its_size_and_not_by_its_pieces(
    server: BareServer, name: str, size: int
) -> None:
    status, request = HEADS[name]
    with connect(server) as wire:
        for piece in pieces(request, size):
            wire.send(piece)
        answer = wire.read_answer()
    assert answer is not None
    assert answer.status == status
    if status != 200:
        assert answer.closes
        assert answer.problem["status"] == status


def test_the_second_head_of_a_connection_has_the_same_bounds(server: BareServer) -> None:
    with connect(server) as wire:
        wire.send(GET + line_of(LONGEST_LINE_BYTES) + line_of(LONGEST_LINE_BYTES + 1))
        answers = wire.wait_until_closed()
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200", b"414"]


def test_an_idle_connection_is_kept_as_long_as_is_set_and_longer_than_balancers_do() -> None:
    assert Settings().keep_alive_seconds > 60
    with bare_server(app, keep_alive_seconds=1) as server, connect(server) as wire:
        wire.send(GET)
        assert whole(wire.read_answer())
        wire.send(GET)
        assert whole(wire.read_answer())
        assert wire.wait_until_closed() == b""


@pytest.mark.parametrize(
    "request_head",
    [head(b"GET /large"), head(b"GET /large", b"Connection: close"), 2 * head(b"GET /large")],
    ids=["kept", "closed", "pipelined"],
)
def test_who_does_not_take_an_answer_is_broken_off(request_head: bytes) -> None:
    with bare_server(app, send_timeout_seconds=0.5) as server, connect(server) as wire:
        wire.send(request_head)
        wait_until(lambda: server.connections == 1)
        wait_until(lambda: server.connections == 0)


def test_who_takes_an_answer_in_time_gets_all_of_it(server: BareServer) -> None:
    with connect(server) as wire:
        wire.send(head(b"GET /large", b"Connection: close"))
        assert wire.wait_until_closed().count(b"\0") == len(LARGE)


def post(wire: Wire, path: bytes, *headers: bytes, length: int) -> None:
    wire.send(head(b"POST " + path, b"Content-Length: %d" % length, *headers))


def whole(answer: WireAnswer | None) -> bool:
    return answer is not None and (answer.status, answer.body) == (200, b"done")


def test_an_early_answer_reaches_a_client_that_goes_on_sending(server: BareServer) -> None:
    """As Python's urllib does, which asks for the connection to be closed."""
    with connect(server) as wire:
        post(wire, b"/refused", b"Connection: close", length=3_000_000)
        wire.wait_for_answer()
        wire.send(bytes(3_000_000))
        assert whole(wire.read_answer())
        assert wire.wait_until_closed() == b""


def test_a_client_that_sends_for_ever_is_not_waited_for(server: BareServer) -> None:
    with connect(server) as wire:
        post(wire, b"/refused", b"Connection: close", length=10**12)
        assert whole(wire.read_answer())
        while wire.send(bytes(1000)):  # pytest's time limit is the bound.
            pass


def test_a_client_that_ends_its_side_is_answered(server: BareServer) -> None:
    with connect(server) as wire:
        wire.send(GET)
        wire.end_sending()
        assert whole(wire.read_answer())
        assert wire.wait_until_closed() == b""


def test_the_app_knows_that_a_client_has_ended_its_side(server: BareServer) -> None:
    with connect(server) as wire:
        wire.send(head(b"GET /half-closed"))
        wire.end_sending()
        assert whole(wire.read_answer())


def test_a_body_that_ends_early_is_refused_at_once(server: BareServer) -> None:
    with connect(server) as wire:
        post(wire, b"/", length=1000)
        wire.send(b"half of it")
        wire.end_sending()
        answer = wire.read_answer()
    assert answer is not None
    assert (answer.status, answer.problem["type"]) == (400, "malformed-request")
