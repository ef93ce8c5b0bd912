"""The obstacle alarm as JSON, with every place as a share of the photo."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from service.effects.calibration import Anchor, Calibration, Distance, calibrate
from service.effects.obstacle import ObstacleOptions, Region, detect_obstacles
from service.imaging.depth_map import DepthMap


class SectorJson(BaseModel):
    """One upright third of the view."""

    share: float = Field(description="Share of near pixels, 0 to 1.")
    alarm: bool


class DistanceJson(BaseModel):
    """Metres with error bars that hold in about 95% of cases."""

    metres: float
    low: float
    high: float | None = Field(description="Null when it may be infinite.")


class RegionJson(BaseModel):
    """The largest near region; its box in shares of the photo's width and height."""

    x: float
    y: float
    width: float
    height: float
    share: float = Field(description="Its part of the view.")
    distance: DistanceJson | None = Field(description="Only with anchors.")


class AnchorJson(BaseModel):
    """How well a given point keeps to the fit."""

    x: float
    y: float
    metres: float
    fitted_metres: float
    error_metres: float
    weight: float = Field(description="1 counts in full; 0 is an outlier.")


class CalibrationJson(BaseModel):
    """The fit of metres to the relative depth."""

    note: str
    anchors: list[AnchorJson]


class ObstacleJson(BaseModel):
    """What is near, and where."""

    alarm: bool
    near_share: float = Field(description="Share of near pixels in the whole view.")
    left: SectorJson
    centre: SectorJson
    right: SectorJson
    grid: list[list[float]] = Field(description="Share of near pixels a cell, rows from the top.")
    largest: RegionJson | None
    calibration: CalibrationJson | None = Field(description="Only with anchors.")
    note: str = Field(description="Whether there are metres here.")


def report(
    depth: DepthMap,
    options: ObstacleOptions,
    anchors: Sequence[Sequence[float]],
    measuring_error: float,
) -> bytes:
    """The report as JSON; ``anchors`` are x and y in shares of the photo, and metres."""
    calibration = None
    if anchors:
        calibration = calibrate(depth, [_anchor(one, depth) for one in anchors], measuring_error)
    found = detect_obstacles(depth, options, calibration)
    answer = ObstacleJson(
        alarm=found.alarm,
        near_share=found.near_share,
        left=SectorJson(share=found.left.share, alarm=found.left.alarm),
        centre=SectorJson(share=found.centre.share, alarm=found.centre.alarm),
        right=SectorJson(share=found.right.share, alarm=found.right.alarm),
        grid=[list(row) for row in found.grid],
        largest=None if found.largest is None else _region(found.largest, depth),
        calibration=None if calibration is None else _calibration(calibration, depth),
        note=found.note,
    )
    return answer.model_dump_json().encode()


def _anchor(numbers: Sequence[float], depth: DepthMap) -> Anchor:
    x, y, metres = numbers
    return Anchor(x * (depth.width - 1), y * (depth.height - 1), metres)


def _region(region: Region, depth: DepthMap) -> RegionJson:
    return RegionJson(
        x=region.x / depth.width,
        y=region.y / depth.height,
        width=region.width / depth.width,
        height=region.height / depth.height,
        share=region.share,
        distance=None if region.distance is None else _distance(region.distance),
    )


def _distance(distance: Distance) -> DistanceJson:
    return DistanceJson(metres=distance.metres, low=distance.low, high=distance.high)


def _calibration(calibration: Calibration, depth: DepthMap) -> CalibrationJson:
    return CalibrationJson(
        note=calibration.note,
        anchors=[
            AnchorJson(
                x=one.anchor.x / max(1, depth.width - 1),
                y=one.anchor.y / max(1, depth.height - 1),
                metres=one.anchor.metres,
                fitted_metres=one.fitted_metres,
                error_metres=one.error_metres,
                weight=one.weight,
            )
            for one in calibration.residuals
        ],
    )
