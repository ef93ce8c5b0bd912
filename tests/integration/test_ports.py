"""Which ports there are, and what each answers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.access import admin_client, key_line
from tests.support.commands import run_command
from tests.support.photos import photo_bytes, photo_of_12_megapixels
from tests.support.server import ROOT, ServerProcess, free_port, run_service, service_env
from tests.support.waiting import wait_until
from tests.support.wire import unread_answer

PHOTO = photo_bytes("chelsea.png")
PROBES = ("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready")
# Without a pause they would hold both cores while other tests run.
_BETWEEN_PROBES_SECONDS = 0.02


def test_the_admin_port_has_probes_and_metrics_only(cache_dir: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("robot", "key"))
    port = free_port()
    with (
        ServerProcess(
            cache_dir=str(cache_dir), admin_port=str(port), api_keys_file=str(keys)
        ) as server,
        admin_client(port) as admin,
    ):
        key = {"X-API-Key": "key"}
        for probe in PROBES:
            assert admin.get(probe).status_code == 200
            assert server.client.get(probe).status_code == 200
        assert admin.get("/metrics").status_code == 200
        assert "depth_request_seconds_bucket" in admin.get("/metrics").text
        assert server.client.get("/metrics", headers=key).status_code == 404
        assert "/metrics" not in server.client.get("/openapi.json").json()["paths"]
        for path in ("/", "/docs", "/openapi.json", "/v1/models", "/v1/depth", "/static/app.js"):
            answer = admin.get(path, headers=key)
            assert (answer.status_code, answer.json()["type"]) == (404, "not-found"), path
            assert answer.headers["x-content-type-options"] == "nosniff"
        server.client.post("/predict", files={"image": PHOTO}, headers=key)
        assert 'route="/predict"' in admin.get("/metrics").text


def test_pages_of_other_sites_may_not_use_the_admin_port(cache_dir: Path) -> None:
    """A browser sends what any page asks it to, wherever its user may connect to."""
    port = free_port()
    unload = "/v2/repository/models/midas_v21_small_256/unload"
    with (
        ServerProcess(cache_dir=str(cache_dir), admin_port=str(port)),
        admin_client(port) as admin,
    ):
        for origin in ("https://elsewhere.example", "null", "http://["):
            refused = admin.post(unload, headers={"Origin": origin})
            assert refused.status_code == 403
            assert "of another origin" in refused.json()["error"]
        own = f"http://127.0.0.1:{port}"
        assert admin.post(unload, headers={"Origin": own}).status_code == 200
        assert admin.post(unload).status_code == 200


def test_the_admin_port_answers_probes_until_the_end_of_a_drain(cache_dir: Path) -> None:
    port = free_port()
    with (
        ServerProcess(
            cache_dir=str(cache_dir), admin_port=str(port), drain_delay_seconds="2"
        ) as server,
        admin_client(port) as admin,
    ):
        server.terminate()
        wait_until(lambda: admin.get("/readyz").status_code != 200)
        seen = []
        with contextlib.suppress(httpx.HTTPError):  # Until the ports close.
            while True:
                live = [one.get("/livez").status_code for one in (admin, server.client)]
                seen.append((*live, admin.get("/readyz").json()["status"]))
                time.sleep(_BETWEEN_PROBES_SECONDS)
        assert set(seen) == {(200, 200, "draining")}
        assert server.wait() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/livez")
        assert "Traceback" not in server.log()


def test_the_admin_port_outlives_the_main_port(cache_dir: Path) -> None:
    """A client that does not take its answer keeps the process, and thus the probes."""
    port = free_port()
    with (
        ServerProcess(
            cache_dir=str(cache_dir),
            admin_port=str(port),
            drain_delay_seconds="0",
            drain_seconds="1",
            send_timeout_seconds="600",
        ) as server,
        admin_client(port) as admin,
        unread_answer(server, photo_of_12_megapixels("JPEG")),
    ):
        server.terminate()
        wait_until(lambda: not _answers(server))
        live = []
        with contextlib.suppress(httpx.HTTPError):
            while True:
                live.append(admin.get("/livez").status_code)
                time.sleep(_BETWEEN_PROBES_SECONDS)
        assert set(live) == {200}
        assert server.wait() == 0


def _answers(server: ServerProcess) -> bool:
    try:
        # Whoever connects in the moment in which the port closes may never be answered.
        return httpx.get(f"{server.url}/livez", timeout=1).status_code > 0
    except httpx.HTTPError:
        return False


def test_a_taken_admin_port_is_a_clear_error_at_start(
    server: ServerProcess, tmp_path: Path
) -> None:
    taken, path = server.url.rpartition(":")[2], tmp_path / "socket"
    done = run_service("serve", admin_port=taken, uds=str(path))
    assert done.returncode == 2
    assert not path.exists()
    assert f"DEPTH_ADMIN_PORT={taken}" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_port_cannot_be_both(cache_dir: Path) -> None:
    done = run_command("serve", "--port", "9000", admin_port="9000", cache_dir=str(cache_dir))
    assert done.returncode == 2
    assert "DEPTH_ADMIN_PORT must differ" in done.stderr


def answers_probes(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_port_that_nobody_listens_on_is_free_for_probes(cache_dir: Path, tmp_path: Path) -> None:
    """``DEPTH_PORT`` beside another command, or beside a socket."""
    port = str(free_port())
    assert run_command("settings", port=port, admin_port=port).returncode == 0
    path = tmp_path / "socket"
    given = {"port": port, "admin_port": port, "uds": str(path), "cache_dir": str(cache_dir)}
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "serve"], env=service_env(given), cwd=ROOT
    )
    try:
        wait_until(lambda: answers_probes(port), 120)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            assert client.get("http://depth/v1/models").status_code == 200
    finally:
        server.terminate()
        assert server.wait(60) == 0
