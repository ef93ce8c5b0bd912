"""Who may open a stream, and how many may be open."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.api.access.keys import new_key
from tests.support.access import key_line
from tests.support.server import ServerProcess
from tests.support.streams import FRAME, NESTED, answer_of, closing_code, open_stream, refusal
from tests.support.waiting import wait_until


def test_pages_of_other_sites_may_not_open_a_stream(server: ServerProcess) -> None:
    for origin in ("https://elsewhere.example", "http://[", "null"):
        problem = refusal(server, Origin=origin)
        assert (problem["status"], problem["type"]) == (403, "origin-not-allowed")
    with open_stream(server, headers={"Origin": server.url}) as camera:
        camera.send(FRAME)
        assert answer_of(camera)[0]["sequence"] == 1


def test_streams_are_bounded_and_so_are_those_of_one_client(
    cache_dir: Path, tmp_path: Path
) -> None:
    """Of four places one client may have three, of which an unfinished message takes one, too."""
    keys = tmp_path / "keys"
    keys.write_text(key_line("robot", "one") + key_line("page", "two"))
    robot, page = {"X-API-Key": "one"}, {"X-API-Key": "two"}
    with (
        ServerProcess(cache_dir=str(cache_dir), max_streams="4", api_keys_file=str(keys)) as server,
        contextlib.ExitStack() as cameras,
    ):
        own = [cameras.enter_context(open_stream(server, headers=robot)) for _ in range(3)]
        assert status_of(server, robot) == (429, "too-many-requests")
        cameras.enter_context(open_stream(server, headers=page))
        assert status_of(server, page) == (503, "overloaded")
        own[0].close()
        wait_until(lambda: "admitted=True" in server.log())
        cameras.enter_context(open_stream(server, headers=page))


def status_of(server: ServerProcess, headers: dict[str, str]) -> tuple[int, str]:
    """Of a stream that is refused; the answer says when to come again."""
    with pytest.raises(InvalidStatus) as refused:
        open_stream(server, headers=headers)
    response = refused.value.response
    assert int(response.headers["Retry-After"]) > 0
    return response.status_code, json.loads(response.body)["type"]


def test_a_key_that_nobody_demands_is_ignored(server: ServerProcess) -> None:
    """A page may still hold one from before the server was restarted without keys."""
    with open_stream(server) as camera:
        camera.send(json.dumps({"api_key": "from-before"}))
        camera.send(FRAME)
        assert answer_of(camera)[0]["sequence"] == 1


def test_streams_need_a_key_where_keys_are_demanded(cache_dir: Path, tmp_path: Path) -> None:
    key, line = new_key("camera")
    keys = tmp_path / "keys.txt"
    keys.write_text(line)
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(keys)) as server:
        with open_stream(server, headers={"Authorization": f"Bearer {key}"}) as camera:
            camera.send(FRAME)
            assert answer_of(camera)[0]["sequence"] == 1
        with open_stream(server) as camera:
            camera.send(json.dumps({"api_key": key}))
            camera.send(FRAME)
            assert answer_of(camera)[0]["sequence"] == 1
        problem = refusal(server, **{"X-API-Key": "wrong"})
        assert (problem["status"], problem["type"]) == (401, "unauthorized")
        for first in (FRAME, "{}", "[]", '{"api_key": "wrong"}', NESTED):
            with open_stream(server) as camera:
                camera.send(first)
                assert closing_code(camera) == 1008
        assert "Traceback" not in server.log()


def test_a_stream_ends_soon_after_its_key_is_revoked(cache_dir: Path, tmp_path: Path) -> None:
    """And no other: also where its key came by message, and where the file is broken meanwhile."""
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("revoked", "one") + key_line("kept", "two"))
    with (
        ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(keys)) as server,
        open_stream(server, headers={"X-API-Key": "one"}) as by_header,
        open_stream(server) as by_message,
        open_stream(server, headers={"X-API-Key": "two"}) as kept,
    ):
        by_message.send(json.dumps({"api_key": "one"}))
        for camera in (by_header, by_message, kept):
            camera.send(FRAME)
            assert answer_of(camera)[0]["sequence"] == 1
        keys.write_text("half a file")
        wait_until(lambda: "The keys read before stay valid" in server.log())
        by_header.send(FRAME)
        assert answer_of(by_header)[0]["sequence"] == 2
        keys.write_text(key_line("kept", "two"))
        for camera in (by_header, by_message):
            with pytest.raises(ConnectionClosed) as closed:
                camera.recv(timeout=30)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
                1008,
                "the API key was revoked",
            )
        kept.send(FRAME)
        assert answer_of(kept)[0]["sequence"] == 2
