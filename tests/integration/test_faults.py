"""One thing breaks at a time, in a real server: who fails, who does not, what the probes say."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from service.inference.engines.conversion import ConvertedNetwork
from tests.support import faulty_service
from tests.support.clients import post_at_once
from tests.support.faulty_service import Colour
from tests.support.oip import INFER, message
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

PHOTO = as_bytes(Image.open(io.BytesIO(photo_bytes("chelsea.png"))).resize((320, 320)))


def plain(colour: Colour) -> bytes:
    return as_bytes(Image.new("RGB", (320, 320), colour), "PNG")


def faulty(cache_dir: Path, **settings: str) -> ServerProcess:
    return ServerProcess(
        module="tests.support.faulty_service",
        cache_dir=str(cache_dir),
        drain_delay_seconds="0",
        **settings,
    )


@pytest.fixture(scope="module")
def server(cache_dir: Path) -> Iterator[ServerProcess]:
    with faulty(cache_dir) as process:
        yield process


def post(server: ServerProcess, photo: bytes, **headers: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/depth", files={"image": photo}, headers=headers, timeout=60)


def status(server: ServerProcess, path: str) -> int:
    return server.client.get(path).status_code


@pytest.mark.parametrize(
    "culprit", [faulty_service.RAISES, faulty_service.ANSWERS_NAN, faulty_service.ENDS_ITS_THREAD]
)
def test_a_failing_photo_fails_alone(server: ServerProcess, culprit: Colour) -> None:
    """Also in a batch: innocent photos are sent all the while."""
    good = post(server, PHOTO)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        innocent = pool.submit(post_at_once, server, "/v1/depth", PHOTO, 12)
        guilty = [post(server, plain(culprit)) for _ in range(3)]
        answers = innocent.result()
    for response in guilty:
        assert (response.status_code, response.json()["type"]) == (500, "internal-error")
        assert "network that raises" not in response.text
    if culprit == faulty_service.ENDS_ITS_THREAD:
        # A batch that dies with its thread takes its batch mates along, and nobody else.
        assert sum(answer.status_code == 200 for answer in answers) >= 12 - 3 * 3
        assert server.metric("depth_worker_restarts") >= 3
    else:
        assert {answer.status_code for answer in answers} == {200}
    assert post(server, PHOTO).content == good.content
    assert (status(server, "/livez"), status(server, "/readyz")) == (200, 200)


@pytest.mark.parametrize(
    ("culprit", "line"),
    [
        (faulty_service.RAISES, "[{id}] inference failed"),
        (faulty_service.ENDS_ITS_THREAD, "[{id}] the inference thread ends"),
    ],
)
def test_the_log_of_a_failure_has_its_request_id(
    server: ServerProcess, culprit: Colour, line: str
) -> None:
    answer = post(server, plain(culprit), **{"X-Request-ID": f"guilty-{culprit.green}"})
    assert answer.json()["request_id"] == f"guilty-{culprit.green}"
    wait_until(lambda: line.format(id=answer.json()["request_id"]) in server.log())


def test_a_network_that_hangs_shows_and_recovers_by_itself(cache_dir: Path, tmp_path: Path) -> None:
    with faulty(cache_dir, heartbeat_timeout_seconds="0.5", weights_dir=str(tmp_path)) as server:
        assert post(server, PHOTO).status_code == 200
        answer = post(server, plain(faulty_service.HANGS), **{"X-Request-Timeout": "2"})
        assert (answer.status_code, answer.json()["type"]) == (504, "deadline-exceeded")
        assert "during stage inference" in answer.json()["detail"]
        assert server.metric("depth_deadline_misses_total", stage="inference") == 1
        waiting = post(server, PHOTO, **{"X-Request-Timeout": "2"})
        assert waiting.status_code == 504
        assert "during stage queue" in waiting.json()["detail"]
        assert server.metric("depth_deadline_misses_total", stage="queue") == 1
        wait_until(lambda: status(server, "/livez") != 200)
        assert status(server, "/readyz") == 503
        faulty_service.way_out(tmp_path).touch()
        wait_until(lambda: status(server, "/livez") == 200)
        assert post(server, PHOTO).status_code == 200
        assert status(server, "/readyz") == 200
        assert server.metric("depth_admitted_requests") == 0


def test_photos_of_one_request_are_in_the_network_as_long_as_one_of_them_is(
    server: ServerProcess,
) -> None:
    photos = [base64.b64encode(photo).decode() for photo in (plain(faulty_service.HANGS), PHOTO)]
    body = message(shape=[2], data=photos)
    answer = server.client.post(INFER, json=body, headers={"X-Request-Timeout": "1"})
    assert answer.status_code == 504
    assert "during stage inference" in answer.json()["error"]


def test_a_network_that_leaks_ends_in_a_clean_exit(cache_dir: Path) -> None:
    """Past DEPTH_MAX_MEMORY_MB the process drains and asks to be restarted."""
    with faulty(cache_dir, max_memory_mb="900", drain_seconds="10") as server:
        answered = 0
        while server.process.poll() is None:
            try:
                answer = post(server, plain(faulty_service.LEAKS))
            except httpx.ConnectError:
                break
            assert answer.status_code in (200, 503), answer.text
            answered += answer.status_code == 200
            if answer.status_code == 503:
                assert answer.json()["type"] == "draining"
        assert answered >= 2
        assert server.wait() == 1
        assert "more than DEPTH_MAX_MEMORY_MB" in server.log()
        assert "every accepted request has been answered" in server.log()


def test_a_load_that_nobody_waits_for_does_not_keep_the_process(
    cache_dir: Path, tmp_path: Path
) -> None:
    with faulty(cache_dir, weights_dir=str(tmp_path)) as server:
        url = f"{server.url}/v1/depth?model=midas_v21_small_256"
        late = httpx.post(url, files={"image": PHOTO}, headers={"X-Request-Timeout": "0.5"})
        assert late.status_code == 504
        assert "during stage load" in late.json()["detail"]
        server.terminate()
        assert server.wait() == 0
        assert "the load of a network is left" in server.log()


def test_a_clock_that_jumps_changes_nothing(cache_dir: Path) -> None:
    """A day back, then two days on: deadlines, probes and queues use the monotonic clock."""
    with faulty(cache_dir, heartbeat_timeout_seconds="5") as server:
        for _ in range(2):
            assert post(server, plain(faulty_service.TURNS_THE_CLOCK)).status_code == 200
            answers = post_at_once(server, "/v1/depth", PHOTO, clients=8)
            assert {answer.status_code for answer in answers} == {200}
            assert (status(server, "/livez"), status(server, "/readyz")) == (200, 200)
            late = post(server, PHOTO, **{"X-Request-Timeout": "0.001"})
            assert late.status_code == 504
            assert 0 <= server.metric("depth_worker_heartbeat_age_seconds") < 5
        server.terminate()
        assert server.wait() == 0


def test_a_corrupted_cache_is_made_again_at_start(
    converted: ConvertedNetwork, tmp_path: Path
) -> None:
    copy = tmp_path / converted.folder.name
    shutil.copytree(converted.folder, copy)
    for file in copy.iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    # In int8 it ships as OpenVINO's, and nothing is converted.
    with ServerProcess(cache_dir=str(tmp_path), precision="fp32") as server:
        assert post(server, PHOTO).status_code == 200
        assert "converting depth_lite_256" in server.log()
