from __future__ import annotations

import numpy as np
import pytest

from service.effects.obstacle import ObstacleOptions, detect_obstacles
from service.effects.view import judge
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap
from tests.support.depths import inverse_depth

Y = np.linspace(0, 1, 120)[:, np.newaxis]
FLOOR = np.tile(np.maximum(0, Y - 0.4) / 0.6, (1, 160))
"""Inverse depth of a floor to the horizon, and a sky."""

PHOTO = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def seen(values: np.ndarray, **options: float) -> object:
    depth = inverse_depth(values)
    return detect_obstacles(depth, ObstacleOptions(**options), view=judge(depth, PHOTO)).alarm


def test_an_empty_floor_does_not_alarm() -> None:
    assert detect_obstacles(inverse_depth(FLOOR), ObstacleOptions(share=0.05)).alarm is True
    assert seen(FLOOR, share=0.05) is False


@pytest.mark.parametrize("roll", [-0.2, 0, 0.2])
def test_a_tilted_and_noisy_floor_does_not_alarm(roll: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, FLOOR.shape)
    tilted = np.maximum(0, FLOOR + roll * np.linspace(-0.5, 0.5, 160)) + noise
    assert seen(tilted, share=0.05) is False


def test_what_stands_on_the_floor_alarms() -> None:
    standing = FLOOR.copy()
    standing[20:110, 50:100] = 0.95
    assert seen(standing) is True
    depth = inverse_depth(standing)
    report = detect_obstacles(depth, ObstacleOptions(), view=judge(depth, PHOTO))
    assert report.centre.alarm
    assert not report.left.alarm
    assert report.largest is not None
    assert (report.largest.x, report.largest.width) == (50, 50)


def test_a_wall_across_the_view_is_no_ground() -> None:
    room = np.tile(np.linspace(0.2, 0.5, 160), (120, 1))
    room[:, 40:120] = 1
    assert seen(room) is True


@pytest.mark.parametrize("rise", [1.0, -1.0])
def test_one_surface_alone_is_doubted(rise: float) -> None:
    alone = judge(inverse_depth(rise * np.tile(Y, (1, 160))), PHOTO)
    assert alone.doubt is not None
    assert "surface" in alone.doubt


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_structure_is_doubted(level: int) -> None:
    grey = np.full((120, 160, 3), level, np.uint8)
    doubt = judge(inverse_depth(FLOOR), grey).doubt
    assert doubt is not None
    assert "structure" in doubt
    assert judge(inverse_depth(FLOOR), PHOTO).doubt is None


def test_a_sensor_in_metres_is_not_doubted() -> None:
    wall = DepthMap(np.full((12, 16), 0.45, np.float32), DepthKind.METRIC_DEPTH, UPLOADED)
    view = judge(wall, np.zeros((12, 16, 3), np.uint8))
    assert view.doubt is None
    assert detect_obstacles(wall, ObstacleOptions(), view=view).alarm is True


@pytest.mark.parametrize("guessed", DepthKind)
def test_metres_that_a_network_guessed_are_doubted_as_its_own_answer(guessed: DepthKind) -> None:
    """Of one surface, relative depth tells nothing, whatever metres a fit has made of it."""
    metres = (1 / (0.05 + 0.4 * np.tile(Y, (1, 160)))).astype(np.float32)
    sent = DepthMap(metres, DepthKind.METRIC_DEPTH, UPLOADED, guessed=guessed)
    relative = guessed is not DepthKind.METRIC_DEPTH
    assert (judge(sent, PHOTO).doubt is not None) is relative
    assert "structure" in str(judge(sent, np.zeros_like(PHOTO)).doubt)


def test_gaps_are_neither_near_nor_in_the_way() -> None:
    values = np.full((12, 16), 5, np.float32)
    values[:6] = np.nan
    values[6:8] = np.inf
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, UPLOADED)
    report = detect_obstacles(depth, ObstacleOptions(), view=judge(depth))
    assert report.alarm is False
    assert report.near_share == 0


@pytest.mark.parametrize(("threshold", "near"), [(0.44, False), (0.46, True)])
def test_metres_alarm_up_to_their_threshold(threshold: float, near: bool) -> None:
    wall = DepthMap(np.full((12, 16), 0.45, np.float32), DepthKind.METRIC_DEPTH, "zoe")
    report = detect_obstacles(wall, ObstacleOptions(threshold_metres=threshold))
    assert report.alarm is near
    if report.largest is not None:
        assert report.largest.distance is not None
        assert report.largest.distance.metres == pytest.approx(0.45)
