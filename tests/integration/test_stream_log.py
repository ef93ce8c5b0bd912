"""What a stream's client does wrong is one line of the log, with its request's id, and no error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection

from service.server.request_head import LONGEST_HEADERS_BYTES
from tests.support.access import key_line
from tests.support.server import ServerProcess
from tests.support.streams import open_stream
from tests.support.waiting import wait_until
from tests.support.wire import connect, head

UPGRADE = (
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
REFUSED: dict[str, tuple[int, str, dict[str, str]]] = {
    "unknown parameter": (422, "?near=1", {}),
    "parameter of another call": (422, "?detail=high", {}),
    "format of another call": (422, "?format=depth16", {}),
    "contradiction": (422, "?resolution=256&quality=fast", {}),
    "unknown network": (404, "?model=unknown", {}),
    "wrong key": (401, "", {"X-API-Key": "wrong"}),
    "page of another site": (403, "", {"Origin": "https://elsewhere.example"}),
}
# With the code that it is closed with.
BROKEN: dict[str, tuple[int, bytes]] = {
    "no key": (1008, Frame(Opcode.TEXT, b"{}").serialize(mask=True)),
    "no UTF-8": (1007, Frame(Opcode.TEXT, b"\xff").serialize(mask=True)),
    "not masked": (1002, Frame(Opcode.TEXT, b"{}").serialize(mask=False)),
    "reserved bits": (1002, b"\xf1\x80" + bytes(4)),
}


@contextlib.contextmanager
def quiet_server(cache_dir: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that demands keys, and whose log has no error in the end."""
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("camera", "one"))
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(keys)) as server:
        yield server
        server.terminate()
        assert server.wait() == 0
        assert " ERROR " not in server.log()
        assert "Traceback" not in server.log()


def is_logged(server: ServerProcess, said: str) -> bool:
    return said in server.log()


def test_a_refusal_is_one_line(cache_dir: Path, tmp_path: Path) -> None:
    with quiet_server(cache_dir, tmp_path) as server:
        for name, (status, query, headers) in REFUSED.items():
            with pytest.raises(InvalidStatus) as refused:
                open_stream(server, query, headers=headers)
            assert refused.value.response.status_code == status, name
            request_id = refused.value.response.headers["X-Request-ID"]
            said = f"INFO service.access [{request_id}] method=GET route=/v1/stream status={status}"
            wait_until(partial(is_logged, server, said))
            assert server.log().count(request_id) == 1, name


def closed_after(camera: ClientConnection, sent: bytes) -> int | None:
    """The code that the server closes with."""
    camera.socket.sendall(sent)
    with pytest.raises(ConnectionClosed) as closed:
        camera.recv(timeout=30)
    return None if closed.value.rcvd is None else closed.value.rcvd.code


def test_a_broken_message_is_no_error(cache_dir: Path, tmp_path: Path) -> None:
    """Neither as the first, when a key is waited for, nor later."""
    with quiet_server(cache_dir, tmp_path) as server:
        for name, (code, message) in BROKEN.items():
            with open_stream(server) as camera:
                assert closed_after(camera, message) == code, name
        for name, (code, message) in BROKEN.items():
            if name != "no key":
                with open_stream(server, headers={"X-API-Key": "one"}) as camera:
                    assert closed_after(camera, message) == code, name


@pytest.mark.parametrize(
    "headers",
    [[b"X-A: " + b"a" * (LONGEST_HEADERS_BYTES // 2)], [b"X-%d: a" % i for i in range(150)]],
    ids=["long", "many"],
)
def test_a_head_that_is_too_large_for_a_stream_is_answered(
    server: ServerProcess, headers: list[bytes]
) -> None:
    with connect(server) as wire:
        wire.send(head(b"GET /v1/stream", *UPGRADE, *headers))
        answer = wire.read_answer()
        assert answer is not None
        assert (answer.status, answer.closes) == (431, True)
        assert wire.wait_until_closed() == b""
