"""The obstacle alarm as JSON or a picture, with every place as a share of the photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.effects.obstacle import (
    ObstacleOptions,
    ObstacleReport,
    Region,
    ReportFormat,
    detect_obstacles,
    draw_danger_zone,
)
from service.effects.record import Effect, Source
from service.effects.view import judge
from service.geometry.calibration import Distance
from service.geometry.metres_report import CalibrationJson, DistanceJson
from service.imaging import png
from service.imaging.depth_kind import RELATIVE, DepthKind
from service.imaging.strips import bytes_in_turn


class SectorJson(BaseModel):
    """One upright third of the view."""

    share: float = Field(description="Share of near pixels, 0 to 1.")
    alarm: bool | None = Field(description="Null with low confidence.")


class RegionJson(BaseModel):
    """The largest near region; its box in shares of the photo's width and height."""

    x: float
    y: float
    width: float
    height: float
    share: float = Field(description="Its part of the view.")
    distance: DistanceJson | None = Field(
        description="Of its near part, only in metres; its bars only with anchors."
    )


class ObstacleJson(BaseModel):
    """What is near, and where."""

    alarm: bool | None = Field(description="Null with low confidence: it cannot be told.")
    confidence: Literal["low", "normal"] = Field(
        description="`low` where the picture shows nothing to tell depth by."
    )
    reason: str | None = Field(description="Why the confidence is low.")
    near_share: float = Field(description="Share of near pixels in the whole view.")
    left: SectorJson
    centre: SectorJson
    right: SectorJson
    grid: list[list[float]] = Field(description="Share of near pixels per cell, rows from the top.")
    largest: RegionJson | None
    calibration: CalibrationJson | None = Field(description="Only with anchors.")
    note: str = Field(description="Whether there are metres here.")


def report(source: Source, options: ObstacleOptions) -> bytes:
    """The report as JSON."""
    view = judge(source.estimate, source.pixels)
    found = detect_obstacles(source.depth, options, source.metres, view)
    facts = None if source.metres is None else source.metres.facts(source.estimate)
    return as_json(found, facts)


def as_json(found: ObstacleReport, calibration: Mapping[str, Any] | None = None) -> bytes:
    """What was found, with every place as a share of the view; ``calibration``: the fit's facts."""
    answer = ObstacleJson(
        alarm=found.alarm,
        confidence="normal" if found.doubt is None else "low",
        reason=found.doubt,
        near_share=found.near_share,
        left=SectorJson(share=found.left.share, alarm=found.left.alarm),
        centre=SectorJson(share=found.centre.share, alarm=found.centre.alarm),
        right=SectorJson(share=found.right.share, alarm=found.right.alarm),
        grid=[list(row) for row in found.grid],
        largest=None if found.largest is None else _region(found.largest, found),
        calibration=None if calibration is None else CalibrationJson(**calibration),
        note=found.note,
    )
    return answer.model_dump_json().encode()


def _region(region: Region, found: ObstacleReport) -> RegionJson:
    return RegionJson(
        x=region.x / found.width,
        y=region.y / found.height,
        width=region.width / found.width,
        height=region.height / found.height,
        share=region.share,
        distance=None if region.distance is None else _distance(region.distance),
    )


def _distance(distance: Distance) -> DistanceJson:
    return DistanceJson(metres=distance.metres, low=distance.low, high=distance.high)


def _make(source: Source, options: ObstacleOptions) -> bytes:
    if options.format is ReportFormat.PNG:
        view = judge(source.estimate, source.pixels)
        picture = draw_danger_zone(source.pixels, source.depth, options, source.metres, view)
        return png.encode_rgb(picture)
    return report(source, options)


OBSTACLE = Effect(
    name="obstacle",
    summary="Obstacle alarm",
    description="Say how much of the view is near, and where.\n\n"
    "In metres (a metric network, `anchors`, `calibration` or a metric depth map) near is what is "
    "nearer than `threshold_metres`. Else nearness is relative to this photo, and no distance. The "
    "ground is no obstacle.",
    options=ObstacleOptions,
    media_types={ReportFormat.JSON: "application/json", ReportFormat.PNG: png.MEDIA_TYPE},
    side=lambda options: options.max_side,
    # Measured by `python -m load_tests.effects --peaks`; a tenth in reserve.
    working_bytes=lambda options, pixels: bytes_in_turn(pixels, 15, 30),
    make=_make,
    only_for={"grid": (ReportFormat.JSON,), "max_side": (ReportFormat.PNG,)},
    of_depth={"threshold": RELATIVE, "threshold_metres": (DepthKind.METRIC_DEPTH,)},
    report=ObstacleJson,
    example={
        "alarm": True,
        "confidence": "normal",
        "reason": None,
        "near_share": 0.163,
        "left": {"share": 0.02, "alarm": False},
        "centre": {"share": 0.35, "alarm": True},
        "right": {"share": 0.12, "alarm": True},
        "grid": [[0.0, 0.0, 0.0], [0.01, 0.3, 0.05], [0.05, 0.75, 0.31]],
        "largest": {
            **{"x": 0.31, "y": 0.42, "width": 0.44, "height": 0.58, "share": 0.16},
            "distance": {"metres": 0.71, "low": 0.6, "high": 0.88},
        },
        "calibration": None,
        "note": "Metres come from the given points of known distance; mind the error bars.",
    },
)
