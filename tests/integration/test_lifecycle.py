"""Start, stop, and what happens to requests meanwhile."""

from __future__ import annotations

import concurrent.futures
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from tests.support.commands import run_command
from tests.support.photos import (
    as_bytes,
    jpeg_720p,
    jpeg_of_many_scans,
    photo_bytes,
    photo_of_12_megapixels,
)
from tests.support.server import ServerProcess, run_service
from tests.support.waiting import wait_until
from tests.support.wire import connect, head, trickle, unread_answer

PHOTO = photo_bytes("chelsea.png")


def test_sigterm_under_load_loses_no_accepted_request(cache_dir: Path) -> None:
    """Every request either gets its depth map or was refused; none breaks off."""
    photo = jpeg_720p()
    outcomes: list[str] = []

    def client(server: ServerProcess) -> None:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            while True:
                try:
                    answer = http.post("/v1/depth", files={"image": photo})
                except httpx.ConnectError:
                    outcomes.append("port closed")
                    return
                except httpx.HTTPError as error:
                    outcomes.append(f"lost: {error!r}")
                    return
                if answer.status_code == 200:
                    outcomes.append("answered")
                elif answer.json()["type"] == "draining":
                    assert int(answer.headers["retry-after"]) >= 1
                    assert answer.headers["connection"] == "close"
                    outcomes.append("draining")
                    time.sleep(0.1)
                else:
                    outcomes.append(f"unexpected {answer.status_code}")
                    return

    with (
        # Long enough for all to come back at least once, however busy the machine is.
        ServerProcess(cache_dir=str(cache_dir), drain_delay_seconds="4") as server,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        clients = [pool.submit(client, server) for _ in range(8)]
        wait_until(lambda: outcomes.count("answered") >= 20)
        server.terminate()
        for future in clients:
            future.result(60)
        assert server.wait() == 0
        # They came back again and again: nobody met a closed connection.
        assert set(outcomes) == {"answered", "draining", "port closed"}
        assert "every accepted request has been answered" in server.log()
        assert "Traceback" not in server.log()


def test_all_threads_are_made_before_it_is_ready_and_none_outlives_it(cache_dir: Path) -> None:
    """A large picture is worked on in strips, by threads of their own, which end with it."""
    with ServerProcess(cache_dir=str(cache_dir)) as server:
        process = psutil.Process(server.process.pid)
        at_ready = process.num_threads()
        photo = as_bytes(np.zeros((1600, 1600, 3), np.uint8), "JPEG")
        for path in ("depth?format=heatmap", "depth?format=depth16", "effects/portrait"):
            answer = server.client.post(f"/v1/{path}", files={"image": photo})
            assert answer.status_code == 200
        # A thread that was joined may still be on its way out.
        wait_until(lambda: process.num_threads() <= at_ready)
        server.terminate()
        assert server.wait() == 0
        assert "does not end" not in server.log()


def test_draining_is_unready_but_live_until_the_port_closes(cache_dir: Path) -> None:
    with ServerProcess(cache_dir=str(cache_dir), drain_delay_seconds="3") as server:
        server.terminate()
        wait_until(lambda: server.client.get("/readyz").status_code != 200)
        ready = server.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert server.client.get("/livez").status_code == 200
        refused = server.client.post("/v1/depth", files={"image": PHOTO})
        assert (refused.status_code, refused.json()["type"]) == (503, "draining")
        # Another instance serves it.
        assert server.metric("depth_slo_requests_total") == 0
        assert server.wait() == 0


def test_a_drain_waits_no_longer_for_a_client_that_does_not_read_than_it_may_take(
    cache_dir: Path,
) -> None:
    with (
        ServerProcess(
            cache_dir=str(cache_dir), send_timeout_seconds="1", drain_delay_seconds="0"
        ) as server,
        unread_answer(server, photo_of_12_megapixels("JPEG")),
    ):
        server.terminate()
        assert server.wait() == 0
        assert "did not take its answer" in server.log()
        assert "drain time is over" not in server.log()
        assert "Traceback" not in server.log()


def test_an_upload_that_was_begun_before_sigterm_is_answered(cache_dir: Path) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir), drain_delay_seconds="0") as server,
        connect(server) as client,
    ):
        length = b"Content-Length: %d" % len(PHOTO)
        kind = b"Content-Type: image/png"
        client.send(head(b"POST /v1/depth", kind, length, b"Expect: 100-continue"))
        client.wait_for_answer()  # 100: the body is being read.
        client.send(PHOTO[:100_000])
        server.terminate()
        wait_until(lambda: "SIGTERM: draining" in server.log())
        client.send(PHOTO[100_000:])
        answer = client.read_answer()
        assert answer is not None
        assert answer.status == 200
        assert server.wait() == 0


def test_what_is_unfinished_when_the_drain_time_is_over_is_refused(cache_dir: Path) -> None:
    """An upload that stalls, and one that goes on for ever; of a page that may read why."""
    upload = head(
        *(b"POST /v1/depth", b"Content-Type: image/png", b"Content-Length: 999999"),
        *(b"Expect: 100-continue", b"Origin: https://app.example.com"),
    )
    given = {"drain_delay_seconds": "0", "cors_origins": "https://app.example.com"}
    with (
        ServerProcess(cache_dir=str(cache_dir), drain_seconds="1", **given) as server,
        connect(server) as stalled,
        connect(server) as endless,
    ):
        for client in (stalled, endless):
            client.send(upload)
            client.wait_for_answer()  # 100: the body is being read.
        server.terminate()
        with trickle(endless, PHOTO[:10]):
            answers = [client.read_answer() for client in (stalled, endless)]
        for answer in answers:
            assert answer is not None
            assert (answer.status, answer.problem["type"]) == (503, "draining")
            assert answer.closes
            assert answer.allowed_origin == "https://app.example.com"
        assert server.wait(30) == 0
        assert "drain time is over with 2 requests unanswered" in server.log()
        assert "status=503 " in server.log()
        assert "error=draining" in server.log()
        assert "Traceback" not in server.log()


def test_a_decoder_that_hangs_shows_and_does_not_outlive_sigterm(cache_dir: Path) -> None:
    """Seconds of decoding that cannot be stopped, in a server with little patience."""
    slow = jpeg_of_many_scans(7000, 90)
    with ServerProcess(
        cache_dir=str(cache_dir),
        heartbeat_timeout_seconds="0.5",
        drain_seconds="0.2",
        drain_delay_seconds="0",
        scaled_decode="false",
    ) as server:

        def is_stuck() -> bool:
            answer = server.client.post(
                "/predict", files={"image": slow}, headers={"X-Request-Timeout": "1"}
            )
            assert answer.status_code == 504
            return server.client.get("/livez").status_code != 200

        # A busy machine may not have begun to decode when the answer is due.
        wait_until(is_stuck)
        server.terminate()
        assert server.wait(30) in (0, 1)


def test_interrupt_from_the_keyboard_stops_cleanly(cache_dir: Path) -> None:
    with ServerProcess(cache_dir=str(cache_dir), drain_delay_seconds="0") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert "Traceback" not in server.log()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "midas_v21_small_256"}, "models pull midas_v21_small_256"),
        ({"model": "leres_res50"}, "DEPTH_ACCEPT_LICENSES=Adobe-Research-NC"),
        ({"model_memory_mb": "10"}, "DEPTH_MODEL_MEMORY_MB=10 has no room"),
    ],
)
def test_a_default_network_that_cannot_be_served_is_a_clear_error_at_start(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    done = run_command("serve", weights_dir=str(tmp_path), **settings)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_network_is_a_clear_error_at_start() -> None:
    done = run_service("serve", model="unknown")
    assert done.returncode == 2
    assert "DEPTH_MODEL=unknown" in done.stderr


def test_a_wrong_setting_is_named() -> None:
    done = run_command("serve", max_pixels="-5", engine="fast", trusted_proxies="10.0.0.1,proxy")
    assert done.returncode == 2
    assert "DEPTH_MAX_PIXELS" in done.stderr
    assert "DEPTH_ENGINE" in done.stderr
    assert "DEPTH_TRUSTED_PROXIES: " in done.stderr
