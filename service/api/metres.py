"""Query parameters that ask for metres, and what the answer says of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from service.api.parameters import (
    ANCHORS,
    ANCHORS_FORM,
    FIT,
    FIT_FORM,
    parse_numbers,
    ranged,
    written,
)
from service.geometry.calibration import MAX_METRES
from service.geometry.metres import MetresOptions

CALIBRATION_HEADER = "X-Depth-Calibration"
"""Intercept and slope of the fit, as the parameter ``calibration`` takes them."""


class MetresQuery(BaseModel):
    """What turns relative depth into metres; an unknown parameter is refused, it may be a typo."""

    model_config = ConfigDict(extra="forbid")

    anchors: str | None = written(None, ANCHORS, ANCHORS_FORM, "0.5,0.9,0.6;0.5,0.1,3")
    measuring_error: float = ranged(
        0.05, 0.001, 0.5, "How exactly the anchors are known: a standard deviation as a share."
    )
    calibration: str | None = written(None, FIT, FIT_FORM, "0.2077,1.8686")


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


class CalibrationJson(BaseModel):
    """The fit of metres: `1 / metres = intercept + slope * d` of relative inverse depth `d`."""

    intercept: float
    slope: float
    note: str = Field(description="What the error bars cover.")
    middle: DistanceJson = Field(description="The photo's median depth with its error bars.")
    beyond_share: float = Field(
        description=f"Share of the photo that lies at {MAX_METRES:g} m or beyond, or where the fit "
        f"reaches infinity: all of it is given as {MAX_METRES:g} m, and is no measurement."
    )
    anchors: list[AnchorJson]


def metres_options(query: MetresQuery) -> MetresOptions:
    """The parameters as the work takes them."""
    anchors = []
    for anchor in (query.anchors or "").split(";"):
        if anchor:
            x, y, metres = parse_numbers(anchor)
            anchors.append((x, y, metres))
    fit = None
    if query.calibration is not None:
        intercept, slope = parse_numbers(query.calibration)
        fit = intercept, slope
    return MetresOptions(tuple(anchors), fit, query.measuring_error)
