"""Metres and their fit as JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from service.imaging.depth_map import MAX_METRES


class DistanceJson(BaseModel):
    """Metres with error bars that hold in about 95% of cases."""

    metres: float
    low: float | None = Field(description="Null with a fit of another photo.")
    high: float | None = Field(description="Null also when it may be infinite.")


class AnchorJson(BaseModel):
    """How well a given point keeps to the fit."""

    x: float
    y: float
    metres: float
    fitted_metres: float
    error_metres: float
    weight: float = Field(description="1 counts in full; 0 is an outlier.")


class BarsJson(BaseModel):
    """How far the fit's line may be off, in about 95% of cases.

    `half = sqrt(half_width**2 + (growth * (d - centre))**2)`; a pixel's metres are from
    `1 / (intercept + slope * d + half)` to `1 / (intercept + slope * d - half)`, without an upper
    end where that is not above 0. Of relative depth, `d` is its negative.
    """

    centre: float = Field(description="Where the fit is known best.")
    half_width: float
    growth: float


class CalibrationJson(BaseModel):
    """The fit of metres: `1 / metres = intercept + slope * d` of relative inverse depth `d`."""

    intercept: float
    slope: float
    note: str = Field(description="What the error bars cover.")
    bars: BarsJson | None = Field(description="Null with a fit of another photo.")
    middle: DistanceJson = Field(description="The photo's median depth with its error bars.")
    beyond_share: float = Field(
        description=f"Share of the photo that lies at {MAX_METRES:g} m or beyond, or where the fit "
        f"reaches infinity: all of it is given as {MAX_METRES:g} m, and is no measurement."
    )
    anchors: list[AnchorJson]
