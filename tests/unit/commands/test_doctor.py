"""``doctor`` finds what a start would fail of, before a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.__main__ import main
from service.commands.serve import CannotServe, app_as_told
from service.settings import Settings

REFUSED = [
    ({"DEPTH_MODEL": "leres"}, "There is no network of that name"),
    ({"DEPTH_MODEL": "midas_v21_small_256"}, "models pull midas_v21_small_256"),
    ({"DEPTH_RESOLUTION": "9999"}, "resolution: depth_lite_256 takes"),
    ({"DEPTH_MODEL_MEMORY_MB": "5"}, "no room"),
    ({"DEPTH_API_KEYS_FILE": "missing.txt"}, "DEPTH_API_KEYS_FILE"),
    ({"DEPTH_ADMIN_PORT": "8000"}, "DEPTH_ADMIN_PORT must differ"),
]


@pytest.mark.parametrize(("given", "why"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_serve_refuses_doctor_refuses_alike(
    given: dict[str, str],
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPTH_WEIGHTS_DIR", str(tmp_path / "weights"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 2
    told = capsys.readouterr()
    with pytest.raises(CannotServe) as refusal:
        app_as_told(Settings())
    assert told.err == f"{refusal.value}\n"
    assert why in told.err
    assert "CPU budget" in told.out


def test_the_network_is_tried_at_the_size_that_is_served(
    cache_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEPTH_CACHE_DIR", str(cache_dir))
    monkeypatch.setenv("DEPTH_RESOLUTION", "192")
    assert main(["doctor"]) == 0
    assert "depth_lite_256 answers by default" in capsys.readouterr().out
