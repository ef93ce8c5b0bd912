"""Other origins, host names, and headers for browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import service
from tests.support.access import answer_to, key_line
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

PHOTO = photo_bytes("chelsea.png")
PROBES = ("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready")
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


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://depth.example.com/v1/models", b"127.0.0.1", b"200"),
        (b"HTTP://depth.example.com:80/v1/models?a=1", b"evil.example.com", b"200"),
        (b"http://evil.example.com/v1/models", b"127.0.0.1", b"400"),
        (b"http://depth.example.com", b"127.0.0.1", b"200"),
        (b"/v1/models", b"evil.example.com", b"400"),
    ],
)
def test_an_address_as_to_a_proxy_says_the_host(
    guarded: ServerProcess, target: bytes, host: bytes, status: bytes
) -> None:
    """RFC 9112, 3.2.2: a server takes it, and believes it rather than the header."""
    answer = answer_to(guarded, b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host))
    assert answer.split(b" ", 2)[1] == status


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
