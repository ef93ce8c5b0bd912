"""A server that decodes in processes of their own, and what becomes of it when they fail."""

from __future__ import annotations

import concurrent.futures
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.clients import post_at_once, send_and_leave
from tests.support.decoders import decoders_of, wait_until_gone, wait_until_one_works
from tests.support.effects import depth_file
from tests.support.inputs import input_bytes
from tests.support.photo_peaks import OPTIONAL_PHOTOS
from tests.support.photos import as_bytes, jpeg_720p, jpeg_of_many_scans, photo_bytes
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

PHOTO = photo_bytes("chelsea.png")


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A JPEG that takes seconds to decode."""
    return jpeg_of_many_scans(7000, 90)


@pytest.fixture(scope="module")
def isolated(cache_dir: Path) -> Iterator[ServerProcess]:
    with ServerProcess(
        cache_dir=str(cache_dir), decode_isolation="process", decode_timeout_seconds="4"
    ) as server:
        yield server


def post(server: ServerProcess, photo: bytes) -> httpx.Response:
    return httpx.post(server.url + "/v1/depth", files={"image": photo}, timeout=60)


def depth_of(server: ServerProcess, photo: bytes) -> NDArray[np.float32]:
    return np.asarray(np.load(io.BytesIO(depth_file(server, photo, format="npy"))))


def restarts(server: ServerProcess) -> float:
    return server.metric("depth_decoder_restarts_total")


def outcome(answer: httpx.Response) -> str:
    return "answered" if answer.status_code == 200 else answer.json()["type"]


@pytest.mark.parametrize("photo", [PHOTO, jpeg_720p()], ids=["png", "jpeg"])
def test_answers_are_those_of_a_server_without_isolation(
    isolated: ServerProcess, server: ServerProcess, photo: bytes
) -> None:
    theirs, ours = (
        one.client.post("/v1/depth?format=npy", files={"image": photo})
        for one in (server, isolated)
    )
    assert ours.status_code == 200
    assert ours.content == theirs.content
    stages = {entry.partition(";")[0] for entry in ours.headers["server-timing"].split(", ")}
    assert {"decode", "transform"} <= stages


@pytest.mark.parametrize("name", ["x.heic", "x_msf1.heic"])
def test_photos_of_iphones_are_read_in_decode_processes_and_refused_without(
    isolated: ServerProcess, server: ServerProcess, name: str
) -> None:
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    depths = [depth_of(isolated, input_bytes(photo)) for photo in (name, "base.jpg")]
    assert np.abs(depths[0] - depths[1]).mean() < 0.01 * np.ptp(depths[1])
    assert "TIFF, HEIC" in post(isolated, b"hello").json()["detail"]
    refused = post(server, input_bytes(name))
    assert (refused.status_code, refused.json()["type"]) == (415, "unsupported-media-type")
    for words in ("This is HEIC", "Most Compatible"):
        assert words in refused.json()["detail"]


def test_heics_at_once_are_answered_by_the_same_decoders(isolated: ServerProcess) -> None:
    """Each decodes in a thread of its own, which the process may start and must get rid of."""
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    before, decoders = restarts(isolated), decoders_of(isolated.process.pid)
    answers = post_at_once(isolated, "/v1/depth", input_bytes("x.heic"), clients=30)
    assert Counter(map(outcome, answers)) == {"answered": 30}
    assert restarts(isolated) == before
    assert {decoder.num_threads() for decoder in decoders} == {1}


def test_a_decoder_killed_in_a_heic_loses_only_that_request(isolated: ServerProcess) -> None:
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    before = restarts(isolated)
    slow = OPTIONAL_PHOTOS["HEIC, alpha, no subsampling, 10 bits"](3000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(post, isolated, slow)
        wait_until_one_works(decoders_of(isolated.process.pid)).kill()
        assert outcome(lost.result()) == "undecodable-image"
    assert outcome(post(isolated, input_bytes("x.heic"))) == "answered"
    assert restarts(isolated) == before + 1


def test_the_page_offers_heic_where_it_is_read(
    isolated: ServerProcess, server: ServerProcess
) -> None:
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    offers = ["image/heic" in one.client.get("/").text for one in (isolated, server)]
    assert offers == [True, False]


def test_many_clients_all_get_their_answer(isolated: ServerProcess) -> None:
    answers = post_at_once(isolated, "/v1/depth", jpeg_720p(), clients=20)
    assert Counter(answer.status_code for answer in answers) == {200: 20}


def test_bad_photos_are_refused_without_a_restart(isolated: ServerProcess) -> None:
    before = restarts(isolated)
    answers = [post(isolated, photo) for photo in (b"hello", PHOTO[:50_000])]
    assert [answer.status_code for answer in answers] == [415, 422]
    assert restarts(isolated) == before


def test_a_decoder_killed_in_mid_photo_loses_only_that_request(
    isolated: ServerProcess, slow: bytes
) -> None:
    before = restarts(isolated)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        lost = pool.submit(post, isolated, slow)
        busy = wait_until_one_works(decoders_of(isolated.process.pid))
        others = [pool.submit(post, isolated, PHOTO) for _ in range(6)]
        busy.kill()
        answer = lost.result()
        assert (answer.status_code, outcome(answer)) == (422, "undecodable-image")
        assert "failed on this image" in answer.json()["detail"]
        assert [other.result().status_code for other in others] == [200] * 6
    assert restarts(isolated) == before + 1
    assert isolated.client.get("/healthz").status_code == 200


def test_a_decoder_that_hangs_is_stopped_and_loses_only_its_request(
    isolated: ServerProcess,
) -> None:
    before = restarts(isolated)
    hanging = decoders_of(isolated.process.pid)[0]
    hanging.suspend()
    answers = post_at_once(isolated, "/v1/depth", PHOTO, clients=8)
    assert Counter(map(outcome, answers)) == {"answered": 7, "undecodable-image": 1}
    [refused] = [answer for answer in answers if answer.status_code == 422]
    assert "gave up on this image after 4 s" in refused.json()["detail"]
    wait_until_gone([hanging])
    assert restarts(isolated) == before + 1


def test_decoders_that_die_idle_are_not_missed(isolated: ServerProcess) -> None:
    for decoder in decoders_of(isolated.process.pid):
        decoder.kill()
    answers = post_at_once(isolated, "/v1/depth", PHOTO, clients=4)
    assert Counter(answer.status_code for answer in answers) == {200: 4}


def test_a_client_that_leaves_gives_its_share_back(isolated: ServerProcess, slow: bytes) -> None:
    decoders = decoders_of(isolated.process.pid)

    def wait() -> None:
        wait_until_one_works(decoders)

    send_and_leave(isolated, slow, after=wait)
    wait_until(lambda: isolated.metric("depth_admitted_requests") == 0, seconds=60)
    assert post(isolated, PHOTO).status_code == 200


def test_a_photo_beyond_the_memory_limit_is_refused_and_the_next_is_fine(cache_dir: Path) -> None:
    large = as_bytes(Image.new("RGB", (6000, 5000)))
    with ServerProcess(
        cache_dir=str(cache_dir), decode_isolation="process", decode_memory_mb="60"
    ) as server:
        outcomes = [outcome(post(server, photo)) for photo in (large, PHOTO, large, PHOTO)]
    assert outcomes == ["undecodable-image", "answered"] * 2


@pytest.mark.parametrize(
    "end",
    [lambda server: server.terminate(), lambda server: server.process.kill()],
    ids=["sigterm", "sigkill"],
)
def test_no_decoder_outlives_the_service(
    cache_dir: Path, slow: bytes, end: Callable[[ServerProcess], None]
) -> None:
    with (
        ServerProcess(
            cache_dir=str(cache_dir),
            decode_isolation="process",
            drain_seconds="0.2",
            drain_delay_seconds="0",
        ) as server,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        decoders: list[psutil.Process] = decoders_of(server.process.pid)
        assert len(decoders) >= 2
        asked = pool.submit(post, server, slow)
        wait_until_one_works(decoders)
        end(server)
        server.wait()
        wait_until_gone(decoders)
        # It may still have been answered in the seconds that uvicorn leaves to open connections.
        concurrent.futures.wait([asked], 60)


def test_accepted_work_is_finished_even_if_sigterm_meets_the_decoders_too(
    cache_dir: Path,
) -> None:
    """As when a process manager signals the whole group."""
    photo = jpeg_of_many_scans(5000, 60)
    with (
        ServerProcess(cache_dir=str(cache_dir), decode_isolation="process") as server,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        decoders = decoders_of(server.process.pid)
        answer = pool.submit(post, server, photo)
        wait_until_one_works(decoders)
        server.terminate()
        for decoder in decoders:
            decoder.terminate()
        assert answer.result(60).status_code == 200
        assert server.wait() == 0
        assert "Traceback" not in server.log()
