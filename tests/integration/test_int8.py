"""``models prepare --precision int8``: calibrated on a folder of photos, kept, and served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.__main__ import main
from service.evaluation import quantisation
from service.evaluation.quantisation import QuantisationRefused
from service.inference.engines.conversion import ConvertedNetwork
from service.inference.engines.quantised import find_quantised
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.settings import Settings
from tests.support.photos import photo_path

NAME = "depth_lite_256"
PHOTOS = (
    *("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png"),
    *("motorcycle_right.png", "rocket.jpg"),
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in PHOTOS:
        shutil.copy(photo_path(name), folder)
    return folder


@pytest.fixture
def cache(
    converted: ConvertedNetwork,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder of this test's own that has the converted network already."""
    shutil.copytree(converted.folder, tmp_path / "cache" / converted.folder.name)
    monkeypatch.setenv("DEPTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DEPTH_WEIGHTS_DIR", str(settings.weights_dir))
    return tmp_path / "cache"


def prepare(photos: Path, precision: str = "int8") -> int:
    return main(["models", "prepare", NAME, "--precision", precision, "--calibration", str(photos)])


def test_a_network_is_quantised_once_and_says_how_near_it_is(
    cache: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Five photos are few: what it loses by that is not what is tested here.
    monkeypatch.setattr(quantisation, "WARNED", quantisation.REFUSED)
    assert prepare(photos) == 0
    assert "of the range from fp32 on average" in capsys.readouterr().out
    spec = find_spec(NAME)
    weights = WeightsStore(cache / "none").verify(spec)
    kept = find_quantised(spec, weights, cache)
    assert kept.folder.parent == cache
    figures = json.loads((kept.folder / "difference.json").read_text())
    assert 0 < figures["mean"] <= quantisation.REFUSED
    assert 0 < figures["order"] < 0.1


def test_a_bad_one_is_refused_and_not_kept(
    cache: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise QuantisationRefused("int8 is refused: 9.00% of the range from fp32 on average.")

    monkeypatch.setattr("service.commands.models.quantise", refuse)
    assert prepare(photos) == 2
    assert f"{NAME}: int8 is refused: 9.00%" in capsys.readouterr().err
    assert not list(cache.glob("int8-*"))


@pytest.mark.parametrize(
    ("precision", "count", "why"), [("int8", 3, "at least 5"), ("fp32", 6, "--precision int8")]
)
@pytest.mark.usefixtures("cache")
def test_what_cannot_be_done_is_said(
    photos: Path, capsys: pytest.CaptureFixture[str], precision: str, count: int, why: str
) -> None:
    for name in PHOTOS[count:]:
        (photos / name).unlink()
    assert prepare(photos, precision) == 2
    assert why in capsys.readouterr().err


def test_what_was_never_quantised_is_not_prepared(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ConvertedNetwork(cache / "missing")
    monkeypatch.setattr("service.inference.engines.quantised.SHIPPED_INT8", missing)
    assert main(["models", "prepare", NAME, "--precision", "int8"]) == 2
    assert f"models prepare {NAME} --precision int8 --calibration" in capsys.readouterr().err


def test_where_nothing_can_be_kept_is_said_before_the_work(
    cache: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEPTH_CACHE_DIR", str(photos / PHOTOS[0] / "cache"))
    worked = Mock()
    monkeypatch.setattr("service.commands.models.quantise", worked)
    assert prepare(photos) == 2
    assert f"{photos / PHOTOS[0] / 'cache'}: Not a directory" in capsys.readouterr().err
    worked.assert_not_called()
