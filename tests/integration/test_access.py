"""The admin port, other origins, host names, and headers for browsers."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

import service
from tests.support.access import admin_client, answer_to, key_line
from tests.support.commands import run_command
from tests.support.photos import photo_bytes, photo_of_12_megapixels
from tests.support.server import ROOT, ServerProcess, free_port, run_service, service_env
from tests.support.waiting import wait_until
from tests.support.wire import unread_answer

PHOTO = photo_bytes("chelsea.png")
PROBES = ("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready")
# Without a pause they would hold both cores while other tests run.
_BETWEEN_PROBES_SECONDS = 0.02
ORIGIN = "https://app.example.com"
_INJECTION = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\("


@pytest.fixture(scope="module")
def guarded(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server that knows one other origin and two host names."""
    with ServerProcess(
        cache_dir=str(cache_dir),
        cors_origins=f"{ORIGIN}, http://localhost:3000",
        allowed_hosts="127.0.0.1,depth.example.com,*.internal,[::1]",
    ) as server:
        yield server


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


def test_a_taken_admin_port_is_a_clear_error_at_start(server: ServerProcess) -> None:
    taken = server.url.rpartition(":")[2]
    done = run_service("serve", "--port", "0", admin_port=taken)
    assert done.returncode == 2
    assert f"DEPTH_ADMIN_PORT={taken}" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_port_cannot_be_both(cache_dir: Path) -> None:
    done = run_command("serve", "--port", "9000", admin_port="9000", cache_dir=str(cache_dir))
    assert done.returncode == 2
    assert "DEPTH_ADMIN_PORT must differ" in done.stderr


def test_who_listens_second_on_a_port_ends(cache_dir: Path, tmp_path: Path) -> None:
    """Two that start together may both have bound it: here this test is the other one."""
    with socket.socket() as other, (tmp_path / "log").open("w") as log:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        server = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"],
            env=service_env({"port": port, "cache_dir": str(cache_dir)}),
            cwd=ROOT,
            stderr=log,
        )
        said = Path(log.name).read_text
        wait_until(lambda: "Waiting for application startup" in said(), 120)
        other.listen()
        assert server.wait(60) == 1
        assert f"http://127.0.0.1:{port}: another server listens there" in said()
        assert "Traceback" not in said()


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


def test_pages_of_other_origins_may_not_call_by_default(server: ServerProcess) -> None:
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for answer in (
        server.client.get("/v1/models", headers={"Origin": ORIGIN}),
        server.client.options("/v1/depth", headers=preflight),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_page_of_a_listed_origin_may_call_and_read_the_headers(guarded: ServerProcess) -> None:
    preflight = guarded.client.options(
        "/v1/depth",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-api-key,x-request-timeout,"
            "content-encoding,traceparent,tracestate",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    answer = guarded.client.post("/v1/depth", files={"image": PHOTO}, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    exposed = set(answer.headers["access-control-expose-headers"].lower().split(", "))
    sent = {name for name in answer.headers if name.startswith("x-depth-")}
    assert sent
    assert sent | {"x-request-id", "x-batch-size", "server-timing", "retry-after"} <= exposed
    assert {"x-depth-calibration", "x-inference-milliseconds"} <= exposed


def test_a_page_of_an_unlisted_origin_may_not(guarded: ServerProcess) -> None:
    other = {"Origin": "https://evil.example.com"}
    answer = guarded.client.get("/v1/models", headers=other)
    assert "access-control-allow-origin" not in answer.headers
    preflight = guarded.client.options(
        "/v1/depth", headers=other | {"Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


def test_any_origin_with_keys_may_read_why_it_is_refused(cache_dir: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("robot", "key"))
    with ServerProcess(
        cache_dir=str(cache_dir), cors_origins="*", api_keys_file=str(keys)
    ) as server:
        preflight = server.client.options(
            "/v1/depth", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        )
        assert preflight.status_code == 200
        refused = server.client.post("/v1/depth", headers={"Origin": ORIGIN})
        assert (refused.status_code, refused.json()["type"]) == (401, "unauthorized")
        assert refused.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in refused.headers


@pytest.mark.parametrize(
    "host", ["depth.example.com", "DEPTH.example.com:8000", "a.b.internal", "[::1]:8000"]
)
def test_listed_hosts_are_served(guarded: ServerProcess, host: str) -> None:
    assert guarded.client.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example.com", "internal", "depth.example.com.evil.org", "[::2]", "a b", ""]
)
def test_other_hosts_are_refused_but_for_probes(guarded: ServerProcess, host: str) -> None:
    answer = guarded.client.get("/v1/models", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")
    for probe in PROBES:
        assert guarded.client.get(probe, headers={"Host": host}).status_code == 200


def test_a_request_without_a_host_is_refused(guarded: ServerProcess) -> None:
    assert answer_to(guarded, b"GET /v1/models HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert answer_to(guarded, b"GET /livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "path",
    [*PROBES, "/", "/docs", "/redoc", "/openapi.json", "/static/app.js", "/v2", "/metrics"],
)
def test_every_answer_carries_the_security_headers_once(server: ServerProcess, path: str) -> None:
    headers = server.client.get(path).headers
    for name, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Request-ID", headers["x-request-id"]),
    ):
        assert headers.get_list(name) == [value]


def test_depth_maps_and_problems_carry_the_security_headers(server: ServerProcess) -> None:
    for photo, status in ((PHOTO, 200), (b"rubbish", 415)):
        answer = server.client.post("/v1/depth", files={"image": photo})
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"


def test_only_the_documents_allow_inline_scripts(server: ServerProcess) -> None:
    def policy(path: str) -> str:
        sent: str = server.client.get(path).headers.get("content-security-policy", "")
        return sent

    assert "unsafe" not in policy("/")
    assert "default-src 'self'" in policy("/")
    for page in ("/", "/docs", "/redoc"):
        assert "frame-ancestors 'none'" in policy(page)
        assert "object-src 'none'" in policy(page)
        assert "base-uri 'none'" in policy(page)
        assert "unsafe-eval" not in policy(page)
    for page in ("/docs", "/redoc"):
        assert "script-src 'self' 'unsafe-inline'" in policy(page)
    for path in ("/v1/models", "/openapi.json", "/static/app.js", "/livez"):
        assert "unsafe" not in policy(path)


class _InlineFinder(HTMLParser):
    """Collects what a strict Content-Security-Policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]
        self.found += [value for value in names.values() if value and "javascript:" in value]


def test_the_page_has_no_inline_script_or_style(server: ServerProcess) -> None:
    finder = _InlineFinder()
    finder.feed(server.client.get("/").text)
    assert finder.found == []
    for module in (Path(service.__file__).parent / "web").glob("*.js"):
        script = server.client.get(f"/static/{module.name}").text
        assert script == module.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script
        )
