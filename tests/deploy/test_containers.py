"""The Dockerfile, the compose file and nginx's configuration, each read by its own tool."""

from __future__ import annotations

import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.settings import Settings
from tests.support.balancer import balancer, nginx_command, write_configuration
from tests.support.bare_server import bare_server, say_client
from tests.support.photos import photo_bytes
from tests.support.programs import packaged_program, require_program
from tests.support.server import ROOT, ServerProcess

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SCRIPTS = ["deploy/check_image.sh", ".ci/run"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    compose: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(COMPOSE.read_text())
    return compose["services"]


def test_hadolint_has_no_objection_to_the_dockerfile() -> None:
    done = run(packaged_program("hadolint"), "Dockerfile")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_no_objection_to_a_script(script: str) -> None:
    done = run(packaged_program("shellcheck"), script)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_installs_what_the_makefile_does() -> None:
    index = re.search(r"TORCH_CPU_INDEX := (\S+)", (ROOT / "Makefile").read_text())
    assert index
    assert f"ARG TORCH_CPU_INDEX={index[1]}" in DOCKERFILE


def test_the_images_settings_exist_and_are_valid() -> None:
    pairs = dict(re.findall(r"\bDEPTH_([A-Z_]+)=(\S+)", DOCKERFILE.partition("AS runtime")[2]))
    assert {name.lower() for name in pairs} <= set(Settings.model_fields)
    pairs["MODEL"] = "depth_lite_256"
    Settings(**{name.lower(): value for name, value in pairs.items()})


def test_an_image_accepts_a_licence_where_it_converts_and_where_it_serves(
    services: dict[str, dict[str, Any]],
) -> None:
    for stage in ("converted", "runtime"):
        text = DOCKERFILE.partition(f" AS {stage}\n")[2].partition("\nFROM ")[0]
        assert "\nARG DEPTH_MODEL=auto\nARG DEPTH_ACCEPT_LICENSES=\n" in text
    assert "DEPTH_ACCEPT_LICENSES=${DEPTH_ACCEPT_LICENSES}" in text
    assert set(services["depth"]["build"]["args"]) == {"DEPTH_MODEL", "DEPTH_ACCEPT_LICENSES"}


def test_the_compose_file_fits_its_schema() -> None:
    checker = packaged_program("check-jsonschema")
    done = run(checker, "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout


def test_the_compose_file_speaks_of_things_that_exist(services: dict[str, dict[str, Any]]) -> None:
    volumes = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in volumes or (source.startswith("./") and (ROOT / source).exists())
        assert service["deploy"]["resources"]["limits"]
    assert f"AS {services['depth']['build']['target'].partition(':-')[2][:-1]}\n" in DOCKERFILE


def test_the_compose_files_settings_fit_its_limits(services: dict[str, dict[str, Any]]) -> None:
    depth = services["depth"]
    names = {name.removeprefix("DEPTH_").lower(): v for name, v in depth["environment"].items()}
    assert set(names) <= set(Settings.model_fields)
    settings = Settings(**names)
    assert int(depth["stop_grace_period"].removesuffix("s")) >= settings.drain_seconds + 7
    limit_mb = int(depth["deploy"]["resources"]["limits"]["memory"].removesuffix("M")) * 2**20 / 1e6
    assert settings.max_memory_mb < 0.9 * limit_mb


def test_only_nginx_is_believed_about_addresses(services: dict[str, dict[str, Any]]) -> None:
    trusted = services["depth"]["environment"]["DEPTH_TRUSTED_PROXIES"]
    assert trusted == services["nginx"]["networks"]["default"]["ipv4_address"]
    (pool,) = yaml.safe_load(COMPOSE.read_text())["networks"]["default"]["ipam"]["config"]
    assert ip_address(trusted) in ip_network(pool["subnet"])
    assert ip_address(trusted) not in ip_network(pool["ip_range"])


def test_behind_nginx_nobody_can_choose_their_address() -> None:
    require_program("nginx")
    with (
        bare_server(say_client, trusted_proxies="127.0.0.1") as server,
        balancer([server.url]) as url,
    ):
        forged = {"X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(url, headers=forged).text == "addr:127.0.0.1 http"


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    require_program("nginx")
    path = write_configuration(tmp_path, 18080, ["http://127.0.0.1:1", "http://127.0.0.1:2"])
    done = run(*nginx_command(path, "-t"))
    assert done.returncode == 0, done.stderr


def test_a_photo_passes_through_nginx_and_one_too_large_is_explained(server: ServerProcess) -> None:
    require_program("nginx")
    with balancer([server.url]) as url:
        answer = httpx.post(f"{url}/v1/depth", files={"image": photo_bytes("chelsea.png")})
        assert answer.headers["content-type"] == "image/png"
        answer = httpx.post(f"{url}/v1/depth", content=bytes(21_000_000))
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
