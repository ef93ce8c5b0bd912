from __future__ import annotations

import numpy as np
import pytest

from service.effects.obstacle import ObstacleOptions, detect_obstacles, draw_danger_zone
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from tests.support.depths import inverse_depth, step


def blob(share_of_width: float) -> DepthMap:
    """Far, with a near block at the left edge over all the height."""
    values = np.zeros((90, 120), np.float32)
    values[:, : round(120 * share_of_width)] = 1
    return inverse_depth(values)


def test_the_alarm_rises_above_the_share_and_not_at_it() -> None:
    assert not detect_obstacles(blob(0.1), ObstacleOptions()).alarm
    above = detect_obstacles(blob(0.11), ObstacleOptions())
    assert above.alarm
    assert above.near_share == pytest.approx(13 / 120)


def test_the_demo_numbers_are_the_defaults() -> None:
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    report = detect_obstacles(inverse_depth(values), ObstacleOptions())
    assert report.near_share == pytest.approx(0.2)
    assert report.alarm


def test_only_the_sector_with_the_obstacle_alarms() -> None:
    report = detect_obstacles(blob(0.25), ObstacleOptions())
    assert (report.left.alarm, report.centre.alarm, report.right.alarm) == (True, False, False)
    assert report.left.share == pytest.approx(0.75)
    assert report.centre.share == report.right.share == 0


def test_the_grid_holds_the_share_of_every_cell() -> None:
    values = np.zeros((40, 60), np.float32)
    values[20:30, 30:45] = 5
    report = detect_obstacles(inverse_depth(values), ObstacleOptions(grid="2x2"))
    np.testing.assert_allclose(np.array(report.grid), np.array([[0, 0], [0, 0.25]]))


def test_a_grid_finer_than_the_map_has_empty_cells() -> None:
    report = detect_obstacles(
        inverse_depth(np.array([[0, 1], [0, 1]])), ObstacleOptions(grid="4x1")
    )
    assert sum(report.grid[0]) > 0
    assert len(report.grid[0]) == 4


def test_the_box_is_that_of_the_largest_region() -> None:
    values = np.zeros((50, 80), np.float32)
    values[5:10, 5:10] = 1
    values[20:40, 50:75] = 1
    largest = detect_obstacles(inverse_depth(values), ObstacleOptions()).largest
    assert largest is not None
    assert (largest.x, largest.y, largest.width, largest.height) == (50, 20, 25, 20)
    assert largest.share == pytest.approx(20 * 25 / 4000)
    assert largest.distance is None


def test_a_flat_map_raises_no_alarm_at_any_threshold() -> None:
    for threshold in (0.0, 0.8):
        report = detect_obstacles(
            inverse_depth(np.full((9, 9), 3.0)), ObstacleOptions(threshold=threshold)
        )
        assert not report.alarm
        assert report.largest is None


def test_far_of_metric_depth_is_not_near() -> None:
    values = np.full((10, 10), 50, np.float32)
    values[:, :3] = 1
    report = detect_obstacles(DepthMap(values, DepthKind.METRIC_DEPTH, "test"), ObstacleOptions())
    assert report.near_share == pytest.approx(0.3)


def test_the_report_says_that_relative_depth_is_not_metres() -> None:
    assert "not metres" in detect_obstacles(step(), ObstacleOptions()).note


def test_with_a_calibration_the_region_has_a_distance_with_bars() -> None:
    depth = step()
    across, middle = depth.width - 1, 50 / (depth.height - 1)
    anchors = ((20 / across, middle, 2.0), (140 / across, middle, 10.0))
    metres = metres_of(depth, MetresOptions(anchors))
    report = detect_obstacles(depth, ObstacleOptions(), metres)
    assert report.largest is not None
    distance = report.largest.distance
    assert distance is not None
    assert distance.metres == pytest.approx(2.0)
    assert distance.low is not None
    assert distance.high is not None
    assert 1.4 < distance.low < 2.0 < distance.high < 3.2
    assert "not metres" not in report.note


def test_the_picture_is_red_where_it_is_near_and_untouched_elsewhere() -> None:
    pixels = np.full((120, 160, 3), 100, np.uint8)
    picture = draw_danger_zone(pixels, step(edge=60), ObstacleOptions())
    assert picture.shape == pixels.shape
    red, green, _ = (int(value) for value in picture[70, 25])
    assert red > 140
    assert green < 100
    assert picture[70, 130].tolist() == [100, 100, 100]
    assert pixels.min() == pixels.max() == 100


def test_the_frame_tells_the_alarm() -> None:
    pixels = np.full((120, 160, 3), 100, np.uint8)
    alarmed = draw_danger_zone(pixels, step(edge=60), ObstacleOptions())[0, 80]
    calm = draw_danger_zone(pixels, step(edge=6), ObstacleOptions())[0, 80]
    assert alarmed[0] > alarmed[1]
    assert calm[1] > calm[0]


def test_the_picture_of_a_large_photo_is_bounded() -> None:
    pixels = np.zeros((300, 600, 3), np.uint8)
    picture = draw_danger_zone(pixels, step(), ObstacleOptions(max_side=200))
    assert picture.shape == (100, 200, 3)
