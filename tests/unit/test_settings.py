from __future__ import annotations

import pwd
from pathlib import Path

import pydantic
import pytest

from service.commands.settings import settings_table
from service.settings import EngineChoice, Settings, unknown_variables

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_table_of_all_settings_is_documented() -> None:
    """If this fails: `depth-service settings`, and paste it into docs/settings.md."""
    assert settings_table() in DOCUMENT.read_text()


def test_every_setting_is_documented() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPTH_ENGINE", "torch")
    monkeypatch.setenv("DEPTH_MAX_BODY_MB", "0.5")
    monkeypatch.setenv("DEPTH_WEIGHTS_DIR", "~/weights")
    settings = Settings()
    assert settings.engine is EngineChoice.TORCH
    assert settings.max_body_bytes == 500_000
    assert settings.weights_dir == Path.home() / "weights"


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPTH_CORS_ORIGINS", "https://a.example.com, http://localhost:3000,")
    monkeypatch.setenv("DEPTH_ALLOWED_HOSTS", "Depth.example.com,*.internal,[::1]")
    monkeypatch.setenv("DEPTH_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.1,fd00::/8")
    settings = Settings()
    assert settings.cors_origins == ("https://a.example.com", "http://localhost:3000")
    assert settings.allowed_hosts == ("depth.example.com", "*.internal", "[::1]")
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.168.1.1/32", "fd00::/8")


@pytest.mark.parametrize("spelling", ["DEPTH_ACCEPT_LICENSES", "DEPTH_ACCEPT_LICENCES"])
def test_licences_are_accepted_in_both_spellings(
    monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.setenv(spelling, "CC-BY-NC-4.0, other")
    assert Settings().accept_licenses == ("CC-BY-NC-4.0", "other")
    assert Settings(accept_licenses=("all",)).accept_licenses == ("all",)


def test_an_empty_variable_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEYS_FILE", "CORS_ORIGINS", "ALLOWED_HOSTS", "TRUSTED_PROXIES"):
        monkeypatch.setenv(f"DEPTH_{name}", "")
    settings = Settings()
    assert settings.api_keys_file is None
    assert settings.cors_origins == settings.allowed_hosts == settings.trusted_proxies == ()


def test_folders_do_not_depend_on_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(cache_dir=Path("cache")).cache_dir == tmp_path / "cache"


def test_the_port_must_close_before_the_drain_ends() -> None:
    with pytest.raises(pydantic.ValidationError, match="DRAIN_DELAY"):
        Settings(drain_delay_seconds=3, drain_seconds=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("MAX_PIXELS", "0"),
        ("MAX_BODY_MB", "nan"),
        ("DRAIN_SECONDS", "inf"),
        ("ENGINE", "onnx"),
        ("PRECISION", "int4"),
        ("LOG_LEVEL", "LOUD"),
        ("THREADS", "-1"),
        ("ADMIN_PORT", "70000"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("ROOT_PATH", "https://example.com/depth"),
        ("ROOT_PATH", "/depth?a=1"),
        ("ROOT_PATH", "/my depth"),
        ("ROOT_PATH", "/a//b"),
        ("ALLOWED_HOSTS", "example.com:8000"),
        ("ALLOWED_HOSTS", "example.*"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_impossible_values_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DEPTH_{name}", value)
    with pytest.raises(pydantic.ValidationError):
        Settings()


def test_names_that_are_no_setting_are_told_with_the_one_that_was_meant() -> None:
    kubernetes = ("DEPTH_SERVICE_HOST", "DEPTH_SERVICE_PORT_HTTP", "DEPTH_PORT_8000_TCP_ADDR")
    slips = {
        "DEPTH_API_KEY_FILE": "DEPTH_API_KEYS_FILE",
        "DEPTH_ACCEPT_LICENCE": "DEPTH_ACCEPT_LICENCES",
        "depth_modle": "DEPTH_MODEL",
    }
    spellings = ("DEPTH_ACCEPT_LICENSES", "DEPTH_ACCEPT_LICENCES")
    right = ("DEPTH_MODEL", "depth_port", "DEPTHS", "PATH", *spellings)
    environment = dict.fromkeys((*kubernetes, *slips, *right), "")
    assert unknown_variables(environment) == {**dict.fromkeys(kubernetes), **slips}


def test_a_user_without_a_home_can_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    settings = Settings()
    assert not settings.weights_dir.exists()
    assert not settings.cache_dir.exists()


@pytest.mark.parametrize("written", ["/depth", "depth", "/depth/", "depth/"])
def test_a_prefix_of_paths_is_one_however_it_is_written(written: str) -> None:
    assert Settings(root_path=written).root_path == "/depth"
    assert Settings(root_path=f"{written.rstrip('/')}/v2").root_path == "/depth/v2"
    assert Settings(root_path="/").root_path == ""
