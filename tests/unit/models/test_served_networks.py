"""Which networks are served, whose licences count, and which answers when none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelNotFound, ModelUnavailable
from service.models.registry import SPECS, find_spec
from service.models.served_networks import ServedNetworks
from service.models.weights import WeightsStore
from service.settings import Settings
from tests.conftest import MIDAS

EMBEDDED, LERES = "depth_lite_256", "leres_res50"
ANYTHING = "depth_anything_v2_vits"


def served(weights_dir: Path, **settings: Any) -> ServedNetworks:
    return ServedNetworks.of(Settings(weights_dir=weights_dir, **settings))


def install_official(weights_dir: Path) -> None:
    """Stands in for the official file, of which only the name is looked at."""
    (weights_dir / find_spec(MIDAS).weights.file).write_bytes(b"weights")


def test_without_official_weights_the_embedded_network_answers_and_says_how_to_get_them(
    tmp_path: Path,
) -> None:
    networks = served(tmp_path)
    assert networks.find().name == networks.default == EMBEDDED
    assert f"models pull {MIDAS}" in networks.why


def test_official_weights_are_taken_where_they_are_installed(tmp_path: Path) -> None:
    install_official(tmp_path)
    networks = served(tmp_path)
    assert networks.find().name == MIDAS
    assert networks.find(EMBEDDED).name == EMBEDDED


def test_somebody_s_own_weights_are_not_the_official_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"weights")
    WeightsStore(tmp_path / "store").install_custom(find_spec(MIDAS), own)
    assert served(tmp_path / "store").default == EMBEDDED


def test_what_is_installed_later_does_not_change_what_answers(tmp_path: Path) -> None:
    networks = served(tmp_path)
    install_official(tmp_path)
    assert networks.find().name == EMBEDDED


def test_a_name_is_taken_as_it_is(tmp_path: Path) -> None:
    assert served(tmp_path, model=MIDAS).find().name == MIDAS
    install_official(tmp_path)
    assert served(tmp_path, model=EMBEDDED).find().name == EMBEDDED
    with pytest.raises(ModelNotFound):
        served(tmp_path, model="nothing").find()


@pytest.mark.parametrize(
    ("models", "default"),
    [
        ((EMBEDDED,), EMBEDDED),
        ((MIDAS,), MIDAS),
        (("midas_v21_384", "leres_res50"), "midas_v21_384"),
    ],
)
def test_only_a_served_network_answers(
    tmp_path: Path, models: tuple[str, ...], default: str
) -> None:
    assert served(tmp_path, models=models).find().name == default


def test_settings_say_what_is_served() -> None:
    networks = ServedNetworks((EMBEDDED, MIDAS))
    assert [spec.name for spec in networks.specs] == [EMBEDDED, MIDAS]
    with pytest.raises(ModelNotFound, match=f"Known: {EMBEDDED}, {MIDAS}"):
        networks.find(LERES)
    assert [spec.name for spec in ServedNetworks().specs] == list(SPECS)
    with pytest.raises(ModelNotFound):
        ServedNetworks(("midas",))


@pytest.mark.parametrize("accepted", [("Adobe-Research-NC",), ("all",), ("MIT", "all")])
def test_a_licence_counts_when_it_is_accepted(accepted: tuple[str, ...]) -> None:
    ServedNetworks(licences=accepted).check_licence(find_spec(LERES))


@pytest.mark.parametrize("accepted", [(), ("MIT",), ("CC-BY-NC-4.0",)])
def test_non_commercial_weights_are_refused_otherwise(accepted: tuple[str, ...]) -> None:
    with pytest.raises(ModelUnavailable, match="DEPTH_ACCEPT_LICENSES=Adobe-Research-NC"):
        ServedNetworks(licences=accepted).check_licence(find_spec(LERES))
    ServedNetworks(licences=accepted).check_licence(find_spec(ANYTHING))
