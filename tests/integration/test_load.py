"""Many clients at once: everyone gets an answer or an honest 503, and nobody another's."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.observability.context import STAGES
from tests.support.clients import post_at_once, send_and_leave
from tests.support.photos import (
    as_bytes,
    jpeg_720p,
    jpeg_of_many_scans,
    photo_bytes,
    photo_of_12_megapixels,
)
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

PHOTO = photo_bytes("chelsea.png")


def test_fifty_clients_at_once_all_get_their_answer(server: ServerProcess) -> None:
    answers = post_at_once(server, "/v1/depth", jpeg_720p(), clients=50)
    assert Counter(answer.status_code for answer in answers) == {200: 50}
    assert len({answer.content for answer in answers}) <= 3  # bf16 batches may round differently
    assert max(int(answer.headers["x-batch-size"]) for answer in answers) > 1


def test_mixed_photos_get_their_own_answers(server: ServerProcess) -> None:
    photos = [
        as_bytes(Image.open(io.BytesIO(PHOTO)).resize(size))
        for size in ((451, 300), (300, 451), (400, 400), (451, 300))
    ]

    def sizes(photo: bytes) -> set[tuple[int, int]]:
        answers = post_at_once(server, "/v1/depth?format=npy", photo, clients=6)
        shapes = {np.load(io.BytesIO(answer.content)).shape for answer in answers}
        return {(shape[1], shape[0]) for shape in shapes}

    for photo in photos:
        assert sizes(photo) == {Image.open(io.BytesIO(photo)).size}


@pytest.fixture
def small_server(cache_dir: Path) -> ServerProcess:
    return ServerProcess(cache_dir=str(cache_dir), max_requests="2", client_share="1")


def test_overload_is_refused_at_once_with_retry_after(small_server: ServerProcess) -> None:
    with small_server as server:
        server.client.post("/predict", files={"image": PHOTO})
        answers = post_at_once(server, "/v1/depth", photo_of_12_megapixels(), clients=12)
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) == {200, 503}
        for answer in answers:
            if answer.status_code == 503:
                assert answer.json()["type"] == "overloaded"
                assert 1 <= int(answer.headers["retry-after"]) <= 120
        assert server.metric("depth_rejected_requests_total", reason="overloaded") == counts[503]
        assert server.client.post("/predict", files={"image": PHOTO}).status_code == 200
        assert server.metric("depth_admitted_requests") == 0
        assert server.metric("depth_admitted_megapixels") == pytest.approx(0)


def test_a_client_has_only_its_share(cache_dir: Path) -> None:
    """Of ten places one client gets five; its own fault is 429, and another is let in."""
    with ServerProcess(cache_dir=str(cache_dir), max_requests="10", client_share="0.5") as server:
        answers = post_at_once(server, "/v1/depth", photo_of_12_megapixels(), clients=12)
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) == {200, 429}
        for answer in answers:
            if answer.status_code == 429:
                assert answer.json()["type"] == "too-many-requests"
                assert 1 <= int(answer.headers["retry-after"]) <= 120
        refused = server.metric("depth_rejected_requests_total", reason="too-many-requests")
        assert refused == counts[429]


def test_megapixels_are_bounded(cache_dir: Path) -> None:
    with ServerProcess(
        cache_dir=str(cache_dir), max_admitted_megapixels="20", client_share="1"
    ) as server:
        answers = post_at_once(server, "/v1/depth", photo_of_12_megapixels(), clients=8)
        counts = Counter(answer.status_code for answer in answers)
        assert counts[200] >= 1
        assert counts[503] >= 1
        assert counts[200] + counts[503] == 8


def test_a_deadline_is_answered_when_it_passes(server: ServerProcess) -> None:
    def misses() -> float:
        return sum(server.metric("depth_deadline_misses_total", stage=stage) for stage in STAGES)

    before = misses()
    # Decoding alone takes longer.
    response = server.client.post(
        "/v1/depth",
        files={"image": photo_of_12_megapixels()},
        headers={"X-Request-Timeout": "0.05"},
    )
    assert (response.status_code, response.json()["type"]) == (504, "deadline-exceeded")
    assert misses() == before + 1
    # The decode that nobody waits for any more ends by itself and gives its share back.
    wait_until(lambda: server.metric("depth_admitted_requests") == 0)


def test_a_client_that_does_not_read_is_cut_off(cache_dir: Path) -> None:
    """Its answer counts as admitted work until then, and no longer."""
    with ServerProcess(cache_dir=str(cache_dir), send_timeout_seconds="2") as server:

        def wait() -> None:
            wait_until(lambda: server.metric("depth_batch_size_sum") == 1)
            wait_until(lambda: server.metric("depth_stage_seconds_count", stage="encode") == 1)

        send_and_leave(
            server,
            photo_of_12_megapixels(),
            after=wait,
            path="/v1/depth?format=npy",
        )
        wait_until(lambda: server.metric("depth_admitted_requests") == 0)
        wait_until(lambda: "did not take its answer" in server.log())
        assert "without completing" not in server.log()


def test_work_of_a_client_that_left_is_dropped_and_counted(server: ServerProcess) -> None:
    def cancelled() -> float:
        return sum(server.metric("depth_cancelled_requests_total", stage=stage) for stage in STAGES)

    def inferred() -> float:
        return server.metric("depth_batch_size_sum")

    before, inferred_before = cancelled(), inferred()

    def is_at_work() -> bool:
        return server.metric("depth_admitted_requests") == 1

    slow = jpeg_of_many_scans(4000, 90)
    send_and_leave(server, slow, after=lambda: wait_until(is_at_work))
    wait_until(lambda: cancelled() == before + 1)
    wait_until(lambda: server.metric("depth_admitted_requests") == 0)
    assert inferred() == inferred_before
    assert server.client.post("/predict", files={"image": PHOTO}).status_code == 200
