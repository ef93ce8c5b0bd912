"""An obstacle alarm for a robot: how much of the view is near, and where.

Nearness is normalised per image, as in the demo: 1 is the nearest thing in *this* photo, however
far away that is. Only a calibration (:mod:`service.geometry.calibration`) makes metres of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.geometry.calibration import Distance
from service.geometry.metres import Metres
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap, inverse_values
from service.imaging.options import (
    GRID,
    GRID_FORM,
    MAX_SIDE,
    Options,
    parse_numbers,
    ranged,
    written,
)
from service.imaging.render import nearness
from service.imaging.transforms import Rgb

NOT_METRES = (
    "Nearness is relative to the nearest and the farthest thing in this photo; it is not metres. "
    "Give two or more points of known distance to get metres."
)
CALIBRATED = "Metres come from the given points of known distance; mind the error bars."

_DANGER = np.array([235, 30, 30], np.float32)
_TINT = np.float32(0.45)
_CALM = (60, 200, 90)
_WHITE = (255, 255, 255)


class ReportFormat(StrEnum):
    """What the obstacle alarm answers with."""

    JSON = "json"
    PNG = "png"


class ObstacleOptions(Options):
    """What counts as near, and how much of it raises the alarm."""

    format: ReportFormat = Field(
        ReportFormat.JSON, description="`json`, or `png` with the danger zone drawn."
    )
    threshold: float = ranged(0.8, 0, 1, "Nearness from which a pixel is near.")
    share: float = ranged(0.1, 0, 1, "Share of near pixels above which the alarm rises.")
    grid: str = written("3x3", GRID, GRID_FORM, "3x3")
    max_side: int = ranged(1280, 64, 4096, MAX_SIDE)

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        columns, rows = parse_numbers(self.grid, "x")
        return int(rows), int(columns)


@dataclass(frozen=True)
class Sector:
    """One upright third of the view: ``share`` of near pixels in it, and whether that alarms."""

    share: float
    alarm: bool


@dataclass(frozen=True)
class Region:
    """The largest connected region of near pixels, in pixels of the depth map.

    ``share`` is its part of the view. ``distance`` is that of its median nearness, only with a
    calibration.
    """

    x: int
    y: int
    width: int
    height: int
    share: float
    distance: Distance | None


@dataclass(frozen=True)
class ObstacleReport:
    """What :func:`detect_obstacles` found; ``width`` and ``height`` are the depth map's pixels.

    ``grid`` holds the share of near pixels of each cell, row by row from the top left.
    """

    alarm: bool
    near_share: float
    left: Sector
    centre: Sector
    right: Sector
    grid: tuple[tuple[float, ...], ...]
    largest: Region | None
    width: int
    height: int
    note: str


def detect_obstacles(
    depth: DepthMap, options: ObstacleOptions, metres: Metres | None = None
) -> ObstacleReport:
    """Alarm, near shares by sector and cell, and the largest near region's box.

    Sectors alarm by the same share as the whole. A map without any range is all far. Raises
    :class:`InvalidParameter` for a depth map with NaN or infinity.
    """
    near = _near_pixels(depth, options)
    total = float(near.mean())
    left, centre, right = (
        Sector(share, share > options.share) for share in _cell_shares(near, 1, 3)[0]
    )
    return ObstacleReport(
        alarm=total > options.share,
        near_share=total,
        left=left,
        centre=centre,
        right=right,
        grid=_cell_shares(near, *options.cells),
        largest=_largest_region(near, depth, metres),
        width=depth.width,
        height=depth.height,
        note=NOT_METRES if metres is None else CALIBRATED,
    )


def draw_danger_zone(pixels: Rgb, depth: DepthMap, options: ObstacleOptions) -> Rgb:
    """The photo with near pixels tinted red and outlined, sector lines, and the region's box.

    ``pixels`` ``(h, w, 3)`` uint8 RGB of any size; the answer has at most ``max_side`` a side. The
    frame is red when the alarm is up, green otherwise.
    """
    report = detect_obstacles(depth, options)
    scene = make_scene(pixels, depth, options.max_side)
    near = (scene.nearness >= options.threshold) & (scene.nearness > 0)
    picture = scene.pixels.copy()
    np.copyto(picture, cv2.LUT(picture, _tinted_levels()), where=near[..., np.newaxis])

    danger = tuple(_DANGER.tolist())
    thick = max(1, round(max(scene.width, scene.height) / 320))
    outlines, _ = cv2.findContours(
        near.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    cv2.drawContours(picture, outlines, -1, danger, thick, cv2.LINE_AA)
    for third in (1, 2):
        x = scene.width * third // 3
        cv2.line(picture, (x, 0), (x, scene.height - 1), _WHITE, 1, cv2.LINE_AA)
    if report.largest is not None:
        _draw_box(picture, report, report.largest, thick)
    frame = danger if report.alarm else _CALM
    cv2.rectangle(picture, (0, 0), (scene.width - 1, scene.height - 1), frame, 3 * thick)
    return picture


def _tinted_levels() -> NDArray[np.uint8]:
    """What becomes of each level of red, green and blue, ``(1, 256, 3)``."""
    levels = np.arange(256, dtype=np.uint8)[:, np.newaxis] * (1 - _TINT) + _DANGER * _TINT
    return levels.astype(np.uint8)[np.newaxis]


def _draw_box(picture: Rgb, report: ObstacleReport, box: Region, thick: int) -> None:
    scale = np.array([picture.shape[1] / report.width, picture.shape[0] / report.height])
    corner = np.rint(np.array([box.x, box.y]) * scale).astype(int)
    opposite = np.rint(np.array([box.x + box.width, box.y + box.height]) * scale).astype(int) - 1
    cv2.rectangle(picture, corner.tolist(), opposite.tolist(), _WHITE, thick)


def _near_pixels(depth: DepthMap, options: ObstacleOptions) -> NDArray[np.bool_]:
    values = nearness(depth)
    # At threshold 0 the farthest pixels would count too, and a flat wall would be all danger.
    return (values >= options.threshold) & (values > 0)


def _cell_shares(near: NDArray[np.bool_], rows: int, columns: int) -> tuple[tuple[float, ...], ...]:
    """Share of near pixels of each cell; cells of a map smaller than the grid may be empty: 0."""
    # An integral image makes every cell four look-ups, whatever the grid.
    sums = cv2.integral(near.astype(np.uint8))
    y = np.linspace(0, near.shape[0], rows + 1).round().astype(int)
    x = np.linspace(0, near.shape[1], columns + 1).round().astype(int)
    corners = sums[np.ix_(y, x)].astype(np.float64)
    counts = np.diff(np.diff(corners, axis=0), axis=1)
    areas = np.outer(np.diff(y), np.diff(x))
    shares = counts / np.maximum(areas, 1)
    return tuple(tuple(row) for row in shares.tolist())


def _largest_region(
    near: NDArray[np.bool_], depth: DepthMap, metres: Metres | None
) -> Region | None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8))
    if count < 2:
        return None
    label = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, width, height, area = (int(value) for value in stats[label])
    distance = None
    if metres is not None:
        inside = labels[y : y + height, x : x + width] == label
        values = inverse_values(depth.values, depth.kind)[y : y + height, x : x + width][inside]
        distance = metres.distance(float(np.median(values)))
    return Region(x, y, width, height, area / near.size, distance)
