"""What cannot enter is refused before it is routed, and told as much as by its route."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.effects.catalog import EFFECTS
from service.server.app import create_app
from service.settings import Settings
from tests.support.access import key_line
from tests.support.photos import photo_bytes, photo_of_12_megapixels
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wire import unread_answer

PHOTO = photo_bytes("chelsea.png")
PAGE = "https://page.example"


@pytest.fixture(scope="module")
def full(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server whose only place is taken."""
    with (
        ServerProcess(
            cache_dir=str(cache_dir),
            max_requests="1",
            client_share="1",
            send_timeout_seconds="600",
            cors_origins=PAGE,
        ) as server,
        unread_answer(server, photo_of_12_megapixels("JPEG")),
    ):
        yield server


# The Open Inference Protocol's have a name in their path, and errors of their own.
GATED = sorted(path for path in create_app(Settings()).state.photo_routes if "{" not in path)


def test_every_call_that_brings_a_photo_is_gated() -> None:
    effects = {effect.path for effect in EFFECTS.values()} | {"/v1/effects/obstacle.png"}
    assert set(GATED) == {"/v1/depth", "/v1/depth.json", "/predict", "/v1/compare"} | effects


@pytest.mark.parametrize("path", GATED)
def test_a_full_service_does_not_look_at_parameters(full: ServerProcess, path: str) -> None:
    def refusals() -> float:
        return full.metric("depth_request_seconds_count", route=path, status="5xx")

    before = refusals()
    refused = full.client.post(
        f"{path}?format=nonsense",
        files={"image": PHOTO},
        headers={"X-Request-ID": "mine", "Origin": PAGE},
    )
    assert (refused.status_code, refused.json()["type"]) == (503, "overloaded")
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    assert refused.json()["request_id"] == refused.headers["x-request-id"] == "mine"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert refusals() == before + 1
    # Of such lines there is one per second.
    assert "status=503 " in full.log()


def test_a_full_service_answers_what_brings_no_photo(full: ServerProcess) -> None:
    assert full.client.get("/v1/models").status_code == 200
    assert full.client.get("/predict").status_code == 405
    assert full.client.post("/v1/nothing", content=PHOTO).status_code == 404


def test_a_client_with_its_share_is_refused_and_others_are_not(
    cache_dir: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("greedy", "one") + key_line("modest", "two"))
    with (
        ServerProcess(
            cache_dir=str(cache_dir),
            api_keys_file=str(keys),
            max_requests="2",
            client_share="0.5",
            send_timeout_seconds="600",
        ) as server,
        unread_answer(server, photo_of_12_megapixels("JPEG"), b"X-API-Key: one"),
    ):
        greedy, modest = (
            server.client.post("/predict?no=such", content=PHOTO, headers={"X-API-Key": key})
            for key in ("one", "two")
        )
        assert (greedy.status_code, greedy.json()["type"]) == (429, "too-many-requests")
        assert (modest.status_code, modest.json()["type"]) == (422, "invalid-parameter")


def test_who_has_no_key_is_not_told_that_the_service_is_full(
    cache_dir: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("robot", "key"))
    with ServerProcess(
        cache_dir=str(cache_dir), api_keys_file=str(keys), drain_delay_seconds="20"
    ) as server:
        known = {"X-API-Key": "key"}
        server.terminate()
        wait_until(lambda: server.client.post("/predict", headers=known).status_code == 503)
        assert server.client.post("/predict", content=PHOTO).status_code == 401
        server.process.kill()
