"""What can be made of no photo is refused before a network is loaded for it."""

from __future__ import annotations

from typing import Any

import pytest

from service.api.depth_query import DepthQuery
from service.api.effects.queries import query_of
from service.commands.effect import offline_effect
from service.effects.catalog import EFFECTS
from service.errors import InvalidParameter
from service.imaging.formats import OutputFormat
from service.pipeline.offline import OfflineDepth
from service.pipeline.offline_effect import OfflineEffect
from service.settings import Settings

ANCHORS, CALIBRATION = "0.5,0.9,0.6;0.5,0.1,3", "0.2,1.8"
METRIC = "depth_anything_v2_metric_indoor_vits"
BOTH_CAMERAS = {"fov": 60, "intrinsics": "9,9,4,4"}

IN_VAIN: list[tuple[dict[str, Any], str]] = [
    ({"anchors": ANCHORS, "calibration": CALIBRATION}, "either anchors or a calibration"),
    ({"anchors": "0.5,0.9,0.6;0.5,0.1,0"}, r"anchors\[1\].metres must be from 0.01 to 1000"),
    ({"calibration": "0.2,-1.8"}, "the slope must be above 0"),
    ({"calibration": "0.2,1e21"}, "beyond 1e\\+20"),
    ({"model": METRIC, "anchors": ANCHORS}, "needs no anchors"),
    ({"model": METRIC, "calibration": CALIBRATION}, "needs no calibration"),
    ({"near": 2, "far": 4}, "2.0 is not nearer than 4.0 in relative_inverse_depth"),
    ({"near": 3, "far": 3}, "3.0 is not nearer than 3.0"),
    ({"near": 4, "far": 2, "calibration": CALIBRATION}, "4.0 is not nearer than 2.0 in metric"),
    ({"far": 0, "model": METRIC}, "the nearest is not nearer than 0.0 in metric_depth"),
]
FINE: list[dict[str, Any]] = [
    {"anchors": ANCHORS},
    {"calibration": CALIBRATION},
    {"model": METRIC},
    {"near": 4, "far": 2},
    {"near": 2, "far": 4, "calibration": CALIBRATION},
    {"near": 0, "far": 4, "model": METRIC},
    {"far": 0},
    {"near": 0},
]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The choices that networks were loaded for."""
    choices: list[object] = []
    for module in ("offline", "offline_effect"):
        monkeypatch.setattr(
            f"service.pipeline.{module}.OfflineNetwork", lambda choice, _: choices.append(choice)
        )
    return choices


def depth(said: dict[str, Any], format: OutputFormat = OutputFormat.HEATMAP) -> OfflineDepth:
    return DepthQuery(**said).offline(format, 1_000_000)


def relief(said: dict[str, Any]) -> OfflineEffect:
    return offline_effect(EFFECTS["relief"], query_of(EFFECTS["relief"])(**said))


@pytest.mark.parametrize("wanted", [depth, relief])
@pytest.mark.parametrize(("said", "reason"), IN_VAIN)
def test_what_no_photo_can_satisfy(
    settings: Settings, loaded: list[object], wanted: Any, said: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidParameter, match=reason):
        wanted(said).network(settings)
    assert not loaded


@pytest.mark.parametrize("wanted", [depth, relief])
@pytest.mark.parametrize("said", FINE)
def test_what_some_photo_can_satisfy(
    settings: Settings, loaded: list[object], wanted: Any, said: dict[str, Any]
) -> None:
    wanted(said).network(settings)
    assert len(loaded) == 1


def test_two_cameras_where_one_is_read(settings: Settings, loaded: list[object]) -> None:
    said = BOTH_CAMERAS | {"calibration": CALIBRATION}
    for wanted in (depth(said, OutputFormat.ROS), relief(said)):
        with pytest.raises(InvalidParameter, match="either fov or intrinsics"):
            wanted.network(settings)
    assert not loaded
    depth(said).network(settings)
