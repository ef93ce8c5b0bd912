"""An obstacle alarm for a robot: how much of the view is near, and where.

In metres, near is what is nearer than a distance. Relative depth has none: its nearness is
normalised per image, as in the demo, so 1 is the nearest thing in *this* photo, however far away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.effects.view import View
from service.geometry.calibration import Distance
from service.geometry.metres import Metres
from service.geometry.scene import resize_map
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap, Mask
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
from service.imaging.transforms import Rgb, bounded_size, shrink

NOT_METRES = (
    "Nearness is relative to the nearest and the farthest thing in this photo; it is not metres. "
    "Give two or more points of known distance to get metres."
)
CALIBRATED = "Metres come from the given points of known distance; mind the error bars."
MEASURED = "The depth is in metres, and so is the alarm."

_DANGER = np.array([235, 30, 30], np.float32)
_TINT = np.float32(0.45)
_NEAR = 10
_CALM = (60, 200, 90)
_DOUBTFUL = (240, 180, 40)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class ReportFormat(StrEnum):
    """What the obstacle alarm answers with."""

    JSON = "json"
    PNG = "png"


class AlarmOptions(Options):
    """What counts as near, and how much of it raises the alarm."""

    threshold: float = ranged(0.8, 0, 1, "Of relative depth: nearness from which a pixel is near.")
    threshold_metres: float = ranged(
        2.5, 0.01, 1000, "Of depth in metres: distance up to which a pixel is near."
    )
    share: float = ranged(0.1, 0, 1, "Share of near pixels above which the alarm rises.")
    grid: str = written("3x3", GRID, GRID_FORM, "3x3")

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        columns, rows = parse_numbers(self.grid, "x")
        return int(rows), int(columns)


class ObstacleOptions(AlarmOptions):
    """The alarm, and how it is shown."""

    format: ReportFormat = Field(
        ReportFormat.JSON, description="`json`, or `png` with the danger zone drawn."
    )
    max_side: int = ranged(1280, 64, 4096, MAX_SIDE)


@dataclass(frozen=True)
class Sector:
    """One upright third of the view: ``share`` of near pixels in it, and whether that alarms.

    None where that cannot be told.
    """

    share: float
    alarm: bool | None


@dataclass(frozen=True)
class Region:
    """The largest connected region of near pixels, in pixels of the depth map.

    ``share`` is its part of the view. ``distance`` is that of its near part, a tenth of it being
    nearer still; None without metres.
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

    ``grid`` holds the share of near pixels of each cell, row by row from the top left. ``doubt``
    says why the alarms are None. ``near`` ``(h, w)`` are the near pixels.
    """

    alarm: bool | None
    near_share: float
    left: Sector
    centre: Sector
    right: Sector
    grid: tuple[tuple[float, ...], ...]
    largest: Region | None
    width: int
    height: int
    note: str
    doubt: str | None
    near: Mask


def detect_obstacles(
    depth: DepthMap,
    options: AlarmOptions,
    metres: Metres | None = None,
    view: View | None = None,
) -> ObstacleReport:
    """Alarm, near shares by sector and cell, and the largest near region's box.

    ``metres`` makes metres of relative ``depth``. ``view`` is what is known of it besides: the
    ground is no obstacle, and in doubt the alarm is None. Sectors alarm by the same share as the
    whole. A relative map without any range is all far.
    """
    view = view or View()
    if metres is not None and depth.kind is not DepthKind.METRIC_DEPTH:
        depth = metres.apply(depth)
    near = _near_pixels(depth, options)
    if view.ground is not None:
        near &= ~view.ground

    def alarm(share: float) -> bool | None:
        return None if view.doubt else share > options.share

    total = float(near.mean())
    left, centre, right = (Sector(share, alarm(share)) for share in _cell_shares(near, 1, 3)[0])
    return ObstacleReport(
        alarm=alarm(total),
        near_share=total,
        left=left,
        centre=centre,
        right=right,
        grid=_cell_shares(near, *options.cells),
        largest=_largest_region(near, depth, metres),
        width=depth.width,
        height=depth.height,
        note=_note(depth, metres),
        doubt=view.doubt,
        near=near,
    )


def _note(depth: DepthMap, metres: Metres | None) -> str:
    if depth.kind is not DepthKind.METRIC_DEPTH:
        return NOT_METRES
    return MEASURED if metres is None else CALIBRATED


def draw_danger_zone(
    pixels: Rgb,
    depth: DepthMap,
    options: ObstacleOptions,
    metres: Metres | None = None,
    view: View | None = None,
) -> Rgb:
    """The photo with near pixels tinted red and outlined, sector lines, and the region's box.

    ``pixels`` ``(h, w, 3)`` uint8 RGB of any size; the answer has at most ``max_side`` a side. The
    frame is red when the alarm is up, green when it is not, amber in doubt. In metres, the box has
    its distance. Other parameters are those of :func:`detect_obstacles`.
    """
    report = detect_obstacles(depth, options, metres, view)
    width, height = bounded_size(pixels.shape[1], pixels.shape[0], options.max_side)
    picture = shrink(pixels, (width, height)).copy()
    near = resize_map(report.near.astype(np.float32), (width, height)) >= np.float32(0.5)
    np.copyto(picture, cv2.LUT(picture, _tinted_levels()), where=near[..., np.newaxis])

    danger = tuple(_DANGER.tolist())
    thick = max(1, round(max(width, height) / 320))
    outlines, _ = cv2.findContours(
        near.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    cv2.drawContours(picture, outlines, -1, danger, thick, cv2.LINE_AA)
    for third in (1, 2):
        x = width * third // 3
        cv2.line(picture, (x, 0), (x, height - 1), _WHITE, 1, cv2.LINE_AA)
    if report.largest is not None:
        _draw_box(picture, report, report.largest, thick)
    frame = _DOUBTFUL if report.alarm is None else danger if report.alarm else _CALM
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), frame, 3 * thick)
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
    if box.distance is not None:
        place = (int(corner[0]) + 4 * thick, max(int(opposite[1]) - 4 * thick, 12))
        text = f"{box.distance.metres:.2f} m"
        for colour, width in ((_BLACK, 3 * thick), (_WHITE, thick)):
            cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thick, colour, width)


def _near_pixels(depth: DepthMap, options: AlarmOptions) -> Mask:
    if depth.kind is DepthKind.METRIC_DEPTH:
        return np.asarray(depth.values <= np.float32(options.threshold_metres)) & depth.counted
    values = nearness(depth)
    # At threshold 0 the farthest pixels would count too, and a flat wall would be all danger.
    return np.asarray((values >= options.threshold) & (values > 0) & depth.counted)


def _cell_shares(near: Mask, rows: int, columns: int) -> tuple[tuple[float, ...], ...]:
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


def _largest_region(near: Mask, depth: DepthMap, metres: Metres | None) -> Region | None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8))
    if count < 2:
        return None
    label = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, width, height, area = (int(value) for value in stats[label])
    distance = None
    if depth.kind is DepthKind.METRIC_DEPTH:
        inside = labels[y : y + height, x : x + width] == label
        nearest = float(np.percentile(depth.values[y : y + height, x : x + width][inside], _NEAR))
        distance = Distance(nearest, None, None)
        if metres is not None:
            distance = metres.distance_of(nearest)
    return Region(x, y, width, height, area / near.size, distance)
