"""Effects beside photos, streams and probes: long work keeps nothing else waiting."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.effects import depth_file, post_effect
from tests.support.gated_service import gate_of
from tests.support.photos import as_bytes, photo_bytes, photo_pixels
from tests.support.server import ServerProcess
from tests.support.streams import answer_of, open_stream
from tests.support.waiting import wait_until

COFFEE = photo_bytes("coffee.png")
FRAME = as_bytes(photo_pixels("coffee.png"), "JPEG")
PHOTO_OF_3_MP = as_bytes(Image.fromarray(photo_pixels("coffee.png")).resize((2100, 1400)), "JPEG")
LITTLE_PATIENCE = {"heartbeat_timeout_seconds": "3"}


@pytest.fixture(scope="module")
def png_of_5_mp() -> bytes:
    return as_bytes(Image.fromarray(photo_pixels("coffee.png")).resize((2500, 2000)), "PNG")


@contextlib.contextmanager
def gated_server(cache_dir: Path, tmp_path: Path, **settings: str) -> Iterator[ServerProcess]:
    """A server whose effects do not end before ``gate_of(tmp_path)`` is there."""
    with ServerProcess(
        module="tests.support.gated_service",
        cache_dir=str(cache_dir),
        weights_dir=str(tmp_path),
        **settings,
    ) as server:
        yield server


def abandon(server: ServerProcess, effect: str) -> None:
    """Start an effect, and give up soon after."""
    answer = server.client.post(
        f"/v1/effects/{effect}", files={"image": COFFEE}, headers={"X-Request-Timeout": "4"}
    )
    assert (answer.status_code, answer.json()["type"]) == (504, "deadline-exceeded")


@contextlib.contextmanager
def awaited_effect(server: ServerProcess, effect: str) -> Iterator[list[httpx.Response]]:
    """An effect under way with a patient client, whose answer is there when the block ends."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(post_effect(server, effect, COFFEE, max_side=64))
    )
    thread.start()
    yield answers
    thread.join(60)


def test_an_abandoned_effect_keeps_its_place_and_nothing_else(
    cache_dir: Path, tmp_path: Path
) -> None:
    with gated_server(cache_dir, tmp_path, **LITTLE_PATIENCE) as server:
        abandon(server, "relief")
        # It has been at work for longer than the heartbeat may be old, and goes on.
        assert server.client.get("/livez").status_code == 200
        with awaited_effect(server, "obstacle") as answers:
            wait_until(lambda: server.metric("depth_queue_depth") == 1)
            assert server.client.post("/v1/depth", files={"image": COFFEE}).status_code == 200
            with open_stream(server) as camera:
                camera.send(FRAME)
                assert answer_of(camera)[0]["format"] == "heatmap"
            assert server.client.get("/livez").status_code == 200
            assert server.client.get("/readyz").status_code == 200
            assert not answers
            gate_of(tmp_path).touch()
        assert answers[0].status_code == 200
        wait_until(lambda: server.metric("depth_admitted_requests") == 0)
        assert server.metric("depth_queue_depth") == 0


def test_an_abandoned_effect_ends_at_its_next_step(cache_dir: Path, tmp_path: Path) -> None:
    with gated_server(cache_dir, tmp_path) as server:
        abandon(server, "stereo")
        # The only place for effects is free again, though the first effect would never end.
        assert post_effect(server, "obstacle", COFFEE).status_code == 200
        wait_until(lambda: server.metric("depth_admitted_requests") == 0)


def test_an_effect_that_is_stuck_long_after_everybody_left_shows(
    cache_dir: Path, tmp_path: Path
) -> None:
    with gated_server(
        cache_dir, tmp_path, max_request_timeout_seconds="4", **LITTLE_PATIENCE
    ) as server:
        abandon(server, "relief")
        assert server.client.get("/livez").status_code == 200
        wait_until(lambda: server.client.get("/livez").status_code == 503)
        gate_of(tmp_path).touch()
        wait_until(lambda: server.client.get("/livez").status_code == 200)


@pytest.mark.parametrize(
    ("effect", "query", "says"),
    [
        ("portrait", {}, "Lower max_side."),
        ("parallax", {"max_side": 640}, "Lower max_side or frames."),
        ("pointcloud", {}, "Lower max_side or texture_side."),
    ],
)
def test_an_effect_that_never_fits_is_told_what_to_lower(
    small_memory: ServerProcess, effect: str, query: dict[str, Any], says: str
) -> None:
    answer = post_effect(small_memory, effect, COFFEE, **query)
    assert (answer.status_code, answer.json()["type"]) == (413, "payload-too-large")
    assert answer.json()["detail"].endswith(says)
    smaller = dict.fromkeys(says.removeprefix("Lower ").rstrip(".").split(" or "), 64)
    assert post_effect(small_memory, effect, COFFEE, **query | smaller).status_code == 200


def test_an_uploaded_map_is_a_part_of_what_an_effect_takes(small_memory: ServerProcess) -> None:
    query = {"max_side": 64}
    large = depth_file(small_memory, PHOTO_OF_3_MP, format="npy")
    answer = post_effect(small_memory, "portrait", PHOTO_OF_3_MP, large, **query)
    assert answer.status_code == 413
    assert answer.json()["detail"].endswith("Lower max_side or the depth map's size.")
    small = depth_file(small_memory, PHOTO_OF_3_MP, format="npy", size="network")
    assert post_effect(small_memory, "portrait", PHOTO_OF_3_MP, small, **query).status_code == 200


def test_a_large_photo_waits_for_memory_and_a_small_one_does_not(
    cache_dir: Path, tmp_path: Path, png_of_5_mp: bytes
) -> None:
    # The photo takes 110 of them.
    with gated_server(cache_dir, tmp_path, max_work_mb="111") as server:
        answers: list[httpx.Response] = []
        large = threading.Thread(
            target=lambda: answers.append(server.client.post("/v1/depth", content=png_of_5_mp))
        )
        with awaited_effect(server, "relief"):
            wait_until(lambda: server.metric("depth_admitted_requests") == 1)
            large.start()
            wait_until(lambda: server.metric("depth_queue_depth") == 1)
            assert server.client.post("/v1/depth", files={"image": COFFEE}).status_code == 200
            assert not answers
            gate_of(tmp_path).touch()
        large.join(60)
        assert answers[0].status_code == 200


def test_a_photo_that_takes_more_than_there_is_goes_alone(
    small_memory: ServerProcess, png_of_5_mp: bytes
) -> None:
    for _ in range(2):
        assert small_memory.client.post("/v1/depth", content=png_of_5_mp).status_code == 200


@pytest.fixture(scope="module")
def small_memory(cache_dir: Path) -> Iterator[ServerProcess]:
    with ServerProcess(cache_dir=str(cache_dir), max_work_mb="30") as server:
        yield server
