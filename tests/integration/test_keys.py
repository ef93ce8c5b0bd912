"""API keys: who gets in, what the others are told, and how keys come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.api.paths import PROBES
from tests.support.access import answer_to, key_line
from tests.support.commands import run_command
from tests.support.photos import photo_bytes
from tests.support.server import ROOT, ServerProcess
from tests.support.waiting import wait_until

PHOTO = photo_bytes("chelsea.png")
KEY = "correct-horse-battery-staple-0123456789"


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    path.write_text("# callers\n" + key_line("phone-app", KEY) + key_line("robot", "other"))
    return path


@pytest.fixture(scope="module")
def locked(cache_dir: Path, keys_file: Path) -> Iterator[ServerProcess]:
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(keys_file)) as server:
        yield server


def status_with(server: ServerProcess, key: str) -> int:
    return server.client.get("/v1/models", headers={"X-API-Key": key}).status_code


def wait_for_status(server: ServerProcess, key: str, status: int) -> None:
    wait_until(lambda: status_with(server, key) == status)


def wait_for_log(server: ServerProcess, text: str, valid_key: str) -> None:
    """Return when the log has it; the key must work all the while."""

    def said() -> bool:
        # The file is looked at when somebody asks.
        assert status_with(server, valid_key) == 200
        return text in server.log()

    wait_until(said)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"X-API-Key": KEY},
        {"Authorization": "Basic dTpw", "X-API-Key": KEY},
    ],
)
def test_a_valid_key_opens_the_service(locked: ServerProcess, headers: dict[str, str]) -> None:
    answer = locked.client.post("/v1/depth", files={"image": PHOTO}, headers=headers)
    assert answer.status_code == 200
    # It is logged after the answer's last byte.
    wait_until(lambda: "client=phone-app" in locked.log())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": key_line("phone-app", KEY).partition(":")[2].strip()},
    ],
)
@pytest.mark.parametrize("path", ["/v1/depth", "/predict", "/v1/models", "/metrics", "/unknown"])
def test_without_a_valid_key_the_answer_is_401(
    locked: ServerProcess, path: str, headers: dict[str, str]
) -> None:
    method = "POST" if path in ("/v1/depth", "/predict") else "GET"
    answer = locked.client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("unauthorized", 401)
    assert "X-API-Key" in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_stranger_is_refused_before_the_body_is_read(locked: ServerProcess) -> None:
    """Of ten promised megabytes none was sent; 100 Continue was never said."""
    answer = answer_to(
        locked,
        b"POST /v1/depth HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n"
        b"Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/health/live", "/v2/health/ready"),
        *("/livez", "/readyz", "/healthz", "/", "/docs", "/redoc", "/openapi.json"),
        *("/favicon.ico", "/static/app.js", "/static/docs/swagger-ui.css"),
    ],
)
def test_probes_and_pages_need_no_key(locked: ServerProcess, path: str) -> None:
    assert locked.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["//v1/models", "/v1/models/", "/livez/../v1/models", "/%2e/v1/models", "/LIVEZ", "/docs/x"],
)
def test_no_spelling_of_a_path_leads_around_the_keys(locked: ServerProcess, path: str) -> None:
    answer = answer_to(locked, f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 401")


def test_the_public_folder_is_no_way_into_the_api(locked: ServerProcess) -> None:
    for path in ("/static/../v1/models", "/static/%2e%2e/v1/models", "/static//v1/models"):
        answer = answer_to(locked, f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404"), path


def test_keys_are_demanded_behind_a_prefix_too(cache_dir: Path, keys_file: Path) -> None:
    with ServerProcess(
        cache_dir=str(cache_dir), api_keys_file=str(keys_file), root_path="/depth"
    ) as server:
        assert server.client.get("/").status_code == 200
        assert server.client.get("/livez").status_code == 200
        assert status_with(server, "wrong") == 401
        assert status_with(server, KEY) == 200


def test_refusals_are_counted(locked: ServerProcess) -> None:
    locked.client.get("/v1/models")
    scrape = locked.client.get("/metrics", headers={"X-API-Key": KEY})
    counted = 'depth_rejected_requests_total{reason="unauthorized"}'
    line = next(line for line in scrape.text.splitlines() if line.startswith(counted))
    assert float(line.split()[1]) >= 1


def test_keys_come_and_go_without_a_restart(cache_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(key_line("first", "one"))
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(path)) as server:
        assert (status_with(server, "one"), status_with(server, "two")) == (200, 401)
        path.write_text(key_line("second", "two"))
        wait_for_status(server, "two", 200)
        assert status_with(server, "one") == 401

        path.write_text("this is not a keys file\n")
        wait_for_log(server, "Line 1 of the API keys file", valid_key="two")
        assert (status_with(server, "two"), status_with(server, "one")) == (200, 401)

        path.unlink()
        wait_for_log(server, "cannot be read", valid_key="two")

        replacement = tmp_path / "new.txt"
        replacement.write_text(key_line("third", "six"))
        replacement.rename(path)
        wait_for_status(server, "six", 200)
        assert status_with(server, "two") == 401
        assert server.log().count("The keys read before stay valid") == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("", "holds no key"),
        ("# only a remark\n", "holds no key"),
        (key_line("a", "b") + "a-plain-key\n", "Line 2 "),
        ("name:" + "0" * 63 + "\n", "Line 1 "),
        ("two words:" + "0" * 64 + "\n", "Line 1 "),
    ],
)
def test_a_missing_or_broken_file_is_a_clear_error_at_start(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "keys.txt"
    if content is not None:
        path.write_text(content)
    done = run_command("serve", "--port", "0", api_keys_file=str(path))
    assert done.returncode == 2
    assert "DEPTH_API_KEYS_FILE" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert "a-plain-key" not in done.stderr


def test_a_new_key_opens_the_service(cache_dir: Path, tmp_path: Path) -> None:
    first, second = (run_command("keys", "new", "phone-app") for _ in range(2))
    assert first.returncode == 0
    assert first.stdout != second.stdout
    key = first.stderr.splitlines()[0].rpartition(" ")[2]
    assert len(key) == 43
    assert first.stdout == key_line("phone-app", key)
    assert key not in first.stdout
    path = tmp_path / "keys.txt"
    path.write_text(first.stdout)
    with ServerProcess(cache_dir=str(cache_dir), api_keys_file=str(path)) as server:
        assert status_with(server, key) == 200


def test_a_key_cannot_have_a_name_that_breaks_its_file() -> None:
    done = run_command("keys", "new", "a:b")
    assert done.returncode == 2
    assert "dashes" in done.stderr


def test_the_api_document_tells_of_the_keys() -> None:
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["apiKey"]["in"], schemes["apiKey"]["name"]) == ("header", "X-API-Key")
    for path, item in document["paths"].items():
        (operation,) = item.values()
        if path in PROBES:
            assert "security" not in operation
            assert "401" not in operation["responses"]
        else:
            assert operation["security"] == [{}, {"bearer": []}, {"apiKey": []}]
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


def test_without_keys_any_header_is_fine(server: ServerProcess) -> None:
    answer = httpx.get(f"{server.url}/v1/models", headers={"Authorization": "Bearer whatever"})
    assert answer.status_code == 200
