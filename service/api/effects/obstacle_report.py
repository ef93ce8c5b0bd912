"""The obstacle alarm as JSON, with every place as a share of the photo."""

from __future__ import annotations

from pydantic import BaseModel, Field

from service.api.metres import CalibrationJson, DistanceJson
from service.effects.obstacle import ObstacleOptions, Region, detect_obstacles
from service.geometry.calibration import Distance
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.depth_map import DepthMap


class SectorJson(BaseModel):
    """One upright third of the view."""

    share: float = Field(description="Share of near pixels, 0 to 1.")
    alarm: bool


class RegionJson(BaseModel):
    """The largest near region; its box in shares of the photo's width and height."""

    x: float
    y: float
    width: float
    height: float
    share: float = Field(description="Its part of the view.")
    distance: DistanceJson | None = Field(description="Only with anchors.")


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


def report(depth: DepthMap, options: ObstacleOptions, wanted: MetresOptions) -> bytes:
    """The report as JSON."""
    metres = metres_of(depth, wanted) if wanted.wanted else None
    found = detect_obstacles(depth, options, metres)
    answer = ObstacleJson(
        alarm=found.alarm,
        near_share=found.near_share,
        left=SectorJson(share=found.left.share, alarm=found.left.alarm),
        centre=SectorJson(share=found.centre.share, alarm=found.centre.alarm),
        right=SectorJson(share=found.right.share, alarm=found.right.alarm),
        grid=[list(row) for row in found.grid],
        largest=None if found.largest is None else _region(found.largest, depth),
        calibration=None if metres is None else CalibrationJson(**metres.facts(depth)),
        note=found.note,
    )
    return answer.model_dump_json().encode()


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
