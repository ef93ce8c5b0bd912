"""Broken HTTP, written by hand on a socket."""

from __future__ import annotations

import math

import pytest

from tests.hostile.conftest import Tried
from tests.hostile.harm import KNOWN_SLUGS, PHOTO, unharmed
from tests.support.server import ServerProcess
from tests.support.wire import connect, head

_PNG = b"Content-Type: image/png"
_CHUNKED = b"Transfer-Encoding: chunked"


def post(*headers: bytes, body: bytes = b"", path: bytes = b"/v1/depth") -> bytes:
    return head(b"POST " + path, *headers) + body


def get(path: bytes, *headers: bytes) -> bytes:
    return head(b"GET " + path, *headers)


def length(value: bytes | int) -> bytes:
    return b"Content-Length: " + (b"%d" % value if isinstance(value, int) else value)


CASES: dict[str, tuple[int, bytes]] = {
    "length too small": (422, post(_PNG, length(1000), body=PHOTO)),
    "length of zero": (400, post(_PNG, length(0), body=PHOTO)),
    "no length": (400, post(_PNG, body=PHOTO)),
    "negative length": (400, post(_PNG, length(b"-5"), body=PHOTO)),
    "length with a sign": (400, post(_PNG, length(b"+5"), body=PHOTO)),
    "length in words": (400, post(_PNG, length(b"five"), body=PHOTO)),
    "length in hexadecimal": (400, post(_PNG, length(b"0x10"), body=PHOTO)),
    "length in Arabic digits": (400, post(_PNG, length("\u0663".encode()), body=PHOTO)),
    "empty length": (400, post(_PNG, length(b""), body=PHOTO)),
    "length of a petabyte": (413, post(_PNG, length(10**15), body=PHOTO)),
    "length of 500 digits": (400, post(_PNG, length(b"9" * 500), body=PHOTO)),
    "two lengths": (400, post(_PNG, length(5), length(6), body=PHOTO)),
    "two equal lengths": (200, post(_PNG, length(len(PHOTO)), length(len(PHOTO)), body=PHOTO)),
    "length and chunks": (400, post(_PNG, length(5), _CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n")),
    "chunked twice": (400, post(_PNG, _CHUNKED, _CHUNKED, body=b"0\r\n\r\n")),
    "gzip as transfer": (400, post(_PNG, b"Transfer-Encoding: gzip", body=PHOTO)),
    "chunk length in words": (400, post(_PNG, _CHUNKED, body=b"many\r\nhello\r\n")),
    "negative chunk": (400, post(_PNG, _CHUNKED, body=b"-1\r\nhello\r\n")),
    "chunk of 30 digits": (400, post(_PNG, _CHUNKED, body=b"f" * 30 + b"\r\nhello\r\n")),
    "chunk longer than it says": (400, post(_PNG, _CHUNKED, body=b"2\r\nhello\r\n0\r\n\r\n")),
    "chunk extension of 100 KB": (400, post(_PNG, _CHUNKED, body=b"1;" + b"a" * 100_000)),
    "trailer of 100 KB": (400, post(_PNG, _CHUNKED, body=b"0\r\nX-A: " + b"a" * 100_000)),
    "header of 200 KB": (431, get(b"/livez", b"X-A: " + b"a" * 200_000)),
    "20,000 headers": (431, get(b"/livez", *(b"X-%d: a" % i for i in range(20_000)))),
    "500 equal headers": (200, get(b"/livez", *[b"Accept: */*"] * 500)),
    "header without a name": (400, get(b"/livez", b": a")),
    "header without a colon": (400, get(b"/livez", b"nothing")),
    "space before the colon": (400, get(b"/livez", b"X-A : a")),
    "NUL in a header": (400, get(b"/livez", b"X-A: a\0b")),
    "lone CR in a header": (400, get(b"/livez", b"X-A: a\rb")),
    "no Host": (400, b"GET /livez HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, get(b"/livez", b"Host: other")),
    "HTTP/0.9": (400, b"GET /livez\r\n\r\n"),
    "HTTP/2 preface": (404, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, bytes.fromhex("16030100c8010000c40303") + bytes(100)),
    "garbage": (400, bytes(range(256)) * 10),
    "a newline flood": (400, b"\r\n" * 1000),
    "a method of 5,000 letters": (405, head(b"A" * 5000 + b" /livez")),
    "TRACE": (405, head(b"TRACE /livez")),
    "CONNECT": (404, head(b"CONNECT elsewhere:443")),
    "another server's address": (404, head(b"GET http://169.254.169.254/latest/meta-data")),
    "a path of 8 KB": (404, get(b"/" + b"a" * 8000)),
    "a path of 50 KB": (414, get(b"/" + b"a" * 50_000)),
    "a path out of the folder": (404, get(b"/static/../../../../etc/passwd")),
    "an encoded path out": (404, get(b"/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd")),
    "a doubly encoded path out": (404, get(b"/static/%252e%252e%252fsettings.py")),
    "a path with NUL": (404, get(b"/static/app.js%00.png")),
    "a path that is no UTF-8": (404, get(b"/static/%ff%fe")),
    "a network with NUL": (404, get(b"/v1/models/%00")),
    "a network that is a path": (404, get(b"/v1/models/..%2f..%2fetc%2fpasswd")),
    "WebSocket": (
        405,
        get(
            b"/v1/depth",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
        ),
    ),
    "HTTP/2 upgrade": (200, get(b"/livez", b"Upgrade: h2c", b"Connection: Upgrade")),
    "1,000 parameters": (
        422,
        post(path=b"/v1/depth?" + b"&".join(b"a%d=1" % i for i in range(1000))),
    ),
    "parameters that are no UTF-8": (422, post(path=b"/v1/depth?format=%ff&model=%00")),
    "an infinite deadline": (422, post(b"X-Request-Timeout: 1e999")),
    "two deadlines": (422, post(b"X-Request-Timeout: x", b"X-Request-Timeout: 5")),
    "an Accept that is no ASCII": (406, post(_PNG, b"Accept: \xff/\xfe;q=nan")),
    "a media type that is no ASCII": (415, post(b"Content-Type: \xff\xfe/\x80; a=\xff")),
    "a request id to break the log": (200, get(b"/livez", b"X-Request-ID: a%0d%0aERROR forged")),
}


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_broken_http_is_refused_with_a_type(
    target: ServerProcess, tried: Tried, name: str, pieces: int
) -> None:
    status, request = CASES[name]
    size = math.ceil(len(request) / pieces)
    with connect(target) as wire:
        for start in range(0, len(request), size):
            wire.send(request[start : start + size])
        answer = wire.read_answer()
    tried("broken requests", 1)
    assert answer is not None
    assert (answer.status, answer.is_locked_up) == (status, True)
    if status >= 400:
        assert answer.problem["type"] in KNOWN_SLUGS[status]
        assert len(answer.body) < 2000


def test_a_deadline_of_nothing_passes(target: ServerProcess) -> None:
    with connect(target) as wire:
        wire.send(post(_PNG, b"X-Request-Timeout: 1e-300", length(len(PHOTO)), body=PHOTO))
        answer = wire.read_answer()
    assert answer is not None
    assert (answer.status, answer.problem["type"]) == (504, "deadline-exceeded")


def test_a_body_shorter_than_its_length_is_forgotten_when_its_client_leaves(
    target: ServerProcess,
) -> None:
    with unharmed(target):
        for _ in range(20):
            with connect(target) as wire:
                wire.send(post(_PNG, length(len(PHOTO) + 1), body=PHOTO))
    assert target.metric("depth_admitted_requests") == 0


def test_chunks_without_end_are_refused_at_the_limit(target: ServerProcess) -> None:
    chunk = b"10000\r\n" + b"\xff\xd8\xff\0" * 0x4000 + b"\r\n"
    with unharmed(target), connect(target) as wire:
        wire.send(post(_PNG, _CHUNKED))
        for _ in range(400):  # 26 MB of the 20 that are allowed.
            wire.send(chunk)
        answer = wire.read_answer()
    assert answer is not None
    assert (answer.status, answer.problem["type"]) == (413, "payload-too-large")


def test_a_hundred_thousand_tiny_chunks_are_read_while_others_are_served(
    target: ServerProcess,
) -> None:
    with unharmed(target), connect(target) as wire:
        wire.send(post(_PNG, _CHUNKED))
        for _ in range(10):
            wire.send(b"1\r\nx\r\n" * 10_000)
            assert target.client.get("/livez").status_code == 200
        wire.send(b"0\r\n\r\n")
        answer = wire.read_answer()
    assert answer is not None
    assert answer.problem["type"] == "unsupported-media-type"


def test_pipelined_requests_are_answered_in_turn(target: ServerProcess) -> None:
    with unharmed(target), connect(target) as wire:
        wire.send(get(b"/livez") * 199 + get(b"/livez", b"Connection: close"))
        answers = wire.wait_until_closed()
    assert answers.count(b"HTTP/1.1 200 OK") == 200


def test_a_request_of_two_lengths_is_the_last_of_its_connection(target: ServerProcess) -> None:
    """Somebody before us may have taken the other one, and what follows for something else."""
    smuggled = get(b"/livez", b"Connection: close")
    with connect(target) as wire:
        wire.send(post(_PNG, length(0), _CHUNKED, body=b"0\r\n\r\n" + smuggled))
        answer = wire.read_answer()
        assert wire.wait_until_closed() == b""
    assert answer is not None
    assert (answer.status, answer.closes) == (400, True)


def test_a_photo_of_a_client_that_ends_its_side_is_refused_and_dropped(
    target: ServerProcess,
) -> None:
    with unharmed(target), connect(target) as wire:
        wire.send(post(_PNG, length(len(PHOTO)), body=PHOTO))
        wire.end_sending()
        answer = wire.read_answer()
    assert answer is not None
    assert (answer.status, answer.problem["type"]) == (499, "client-disconnected")
    assert target.metric("depth_admitted_requests") == 0


def test_rubbish_after_a_request_does_not_spoil_its_answer(target: ServerProcess) -> None:
    with unharmed(target), connect(target) as wire:
        wire.send(post(_PNG, length(len(PHOTO)), body=PHOTO + b"\0" * 5000))
        answer = wire.read_answer()
        wire.wait_until_closed()
    assert answer is not None
    assert answer.status == 200
