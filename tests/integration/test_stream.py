"""Live cameras against a real server."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from tests.support.access import key_line
from tests.support.effects import depth_file
from tests.support.photos import as_bytes, jpeg_720p
from tests.support.server import ServerProcess
from tests.support.streams import FRAME, NESTED, answer_of, closing_code, open_stream, refusal
from tests.support.waiting import wait_until


def test_a_frame_becomes_a_heatmap_with_its_number(server: ServerProcess) -> None:
    with open_stream(server) as camera:
        for number in (1, 2):
            camera.send(FRAME)
            head, body = answer_of(camera)
            assert (head["sequence"], head["dropped"], head["format"]) == (number, 0, "heatmap")
            assert head["latency_ms"] > 0
            picture = Image.open(io.BytesIO(body))
            assert (picture.format, picture.size) == ("PNG", (head["width"], head["height"]))


@pytest.mark.parametrize("format", ["raw", "npy"])
def test_raw_values_are_those_of_the_depth_call(server: ServerProcess, format: str) -> None:
    expected = np.load(io.BytesIO(depth_file(server, FRAME, format="npy", size="network")))
    with open_stream(server, f"?format={format}") as camera:
        camera.send(FRAME)
        head, body = answer_of(camera)
    values = np.load(io.BytesIO(body)) if format == "npy" else np.frombuffer(body, "<f4")
    assert np.allclose(values.reshape(head["height"], head["width"]), expected, atol=1e-5)


def test_the_newest_frame_wins(server: ServerProcess) -> None:
    """Of a burst only a few are answered, the last one among them, and the rest are counted."""
    frame, burst = jpeg_720p(), 60
    with open_stream(server) as camera:
        for _ in range(burst):
            camera.send(frame)
        numbers: list[int] = []
        while not numbers or numbers[-1] < burst:
            head, _ = answer_of(camera)
            numbers.append(head["sequence"])
        assert numbers == sorted(set(numbers))
        assert head["dropped"] == burst - len(numbers) > 0


def test_a_frame_that_is_no_picture_is_answered_in_words(server: ServerProcess) -> None:
    with open_stream(server) as camera:
        camera.send(b"this is no picture")
        problem = json.loads(camera.recv(timeout=30))
        assert (problem["sequence"], problem["error"]) == (1, "unsupported-media-type")
        camera.send(FRAME)
        assert answer_of(camera)[0]["sequence"] == 2


def test_an_empty_frame_is_answered_in_words(server: ServerProcess) -> None:
    """A browser's failed grab is one."""
    with open_stream(server) as camera:
        camera.send(b"")
        assert json.loads(camera.recv(timeout=30))["sequence"] == 1
        camera.send(FRAME)
        assert answer_of(camera)[0]["sequence"] == 2


@pytest.mark.parametrize("text", ["hello", "", NESTED, "{}"], ids=["word", "nothing", "deep", "{}"])
def test_text_is_no_frame(server: ServerProcess, text: str) -> None:
    with open_stream(server) as camera:
        camera.send(text)
        assert closing_code(camera) == 1008
    assert "Traceback" not in server.log()


def test_a_frame_past_the_limit_closes_the_stream(server: ServerProcess) -> None:
    # In two fragments: what is still on its way when the limit is passed would turn the close into
    # a reset, with which the code may be lost.
    with open_stream(server) as camera, pytest.raises(ConnectionClosed) as closed:
        camera.send([bytes(4_000_000), bytes(1)])
        camera.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("?format=bmp", 422, "format"),
        ("?colourmap=jet", 422, "colourmap: there is no such parameter"),
        ("?model=unknown", 404, "no network of that name"),
    ],
)
def test_a_wrong_parameter_is_named_in_the_answer(
    server: ServerProcess, query: str, status: int, word: str
) -> None:
    problem = refusal(server, query)
    assert problem["status"] == status
    assert word in problem["detail"]


def test_other_paths_speak_no_websocket(server: ServerProcess) -> None:
    headers = {
        **{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert httpx.get(server.url + "/livez", headers=headers).status_code == 200


def test_frames_are_counted(server: ServerProcess) -> None:
    labels = {"route": "/v1/stream", "status": "2xx", "output": "raw"}
    before = server.metric("depth_request_seconds_count", **labels)
    with open_stream(server, "?format=raw") as camera:
        camera.send(FRAME)
        answer_of(camera)
    assert server.metric("depth_request_seconds_count", **labels) == before + 1
    assert server.metric("depth_admitted_requests") == 0


def test_a_client_that_leaves_in_mid_frame_is_no_failure_of_the_service(
    server: ServerProcess,
) -> None:
    def cancelled() -> float:
        lines = server.client.get("/metrics").text.splitlines()
        stages = [line for line in lines if line.startswith("depth_cancelled_requests_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in stages)

    failed = {"route": "/v1/stream", "status": "5xx"}
    before = server.metric("depth_request_seconds_count", **failed)
    left = cancelled()
    large = as_bytes(np.zeros((6900, 6900), np.uint8), "PNG")
    with open_stream(server) as camera:
        camera.send(large)
        wait_until(lambda: server.metric("depth_admitted_requests") == 1)
    wait_until(lambda: cancelled() == left + 1)
    assert server.metric("depth_request_seconds_count", **failed) == before


def test_a_stream_whose_client_does_not_read_is_broken_off(cache_dir: Path) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir), send_timeout_seconds="1") as server,
        open_stream(server, "?format=npy&quality=best") as camera,
    ):
        port = camera.local_address[1]

        def has_ended() -> bool:
            """It goes on sending meanwhile."""
            with contextlib.suppress(ConnectionClosed):
                camera.send(FRAME)
            return "admitted=True" in server.log()

        def is_connected() -> bool:
            connections = psutil.Process(server.process.pid).net_connections()
            return any(one.raddr and one.raddr.port == port for one in connections)

        assert is_connected()
        wait_until(has_ended)
        wait_until(lambda: not is_connected())
        assert "Traceback" not in server.log()


def test_a_stream_outlives_the_header_timeout(cache_dir: Path) -> None:
    """The timer of request heads must not end a stream; draining does, with 1001."""
    with (
        ServerProcess(cache_dir=str(cache_dir), header_timeout_seconds="1") as server,
        open_stream(server) as camera,
    ):
        camera.send(FRAME)
        answer_of(camera)
        with pytest.raises(TimeoutError):
            camera.recv(timeout=1.5)
        camera.send(FRAME)
        assert answer_of(camera)[0]["sequence"] == 2
        server.terminate()
        assert closing_code(camera) == 1001
        assert server.wait() == 0


@pytest.mark.parametrize("delay", ["0", "3"])
def test_a_drain_tells_every_stream(cache_dir: Path, tmp_path: Path, delay: str) -> None:
    """Those that are idle, that have sent no key yet, and that come too late."""
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("camera", "one"))
    given = {"api_keys_file": str(keys), "drain_delay_seconds": delay}
    with (
        ServerProcess(cache_dir=str(cache_dir), **given) as server,
        contextlib.ExitStack() as opened,
    ):
        cameras = [
            opened.enter_context(open_stream(server, headers=headers))
            for headers in ({"X-API-Key": "one"}, {}) * 4
        ]
        server.terminate()
        assert {closing_code(camera) for camera in cameras} == {1001}
        if delay != "0":
            problem = refusal(server, **{"X-API-Key": "one"})
            assert (problem["status"], problem["type"]) == (503, "draining")
        assert server.wait() == 0
