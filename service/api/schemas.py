"""Bodies and parameters of the HTTP contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from service.api.headers import documented
from service.api.problems import PROBLEM_JSON
from service.errors import (
    DeadlineExceeded,
    DecoderUnavailable,
    DepthError,
    Draining,
    InvalidParameter,
    MalformedRequest,
    ModelNotFound,
    ModelUnavailable,
    NotAcceptable,
    Overloaded,
    PayloadTooLarge,
    TooManyRequests,
    Unauthorized,
    UndecodableImage,
    UnsupportedMediaType,
)
from service.geometry.metres_report import CalibrationJson
from service.imaging.transforms import Fit, Interpolation

BINARY = {"schema": {"type": "string", "format": "binary"}}
OCTETS = "application/octet-stream"


def binary_content(media_types: Iterable[str]) -> dict[str, Any]:
    """The content of answers that are files, in OpenAPI's words.

    The second type says what generators of clients know bytes by: without it openapi-python-client
    0.29 leaves such an answer out.
    """
    return dict.fromkeys([*media_types, OCTETS], BINARY)


class PredictQuery(BaseModel):
    """Query parameters of ``POST /predict``: none, and a client who sends one should know."""

    model_config = ConfigDict(extra="forbid")


RequestTimeout = Annotated[
    float | None,
    Header(
        alias="X-Request-Timeout",
        gt=0,
        allow_inf_nan=False,
        description="Deadline in seconds; past it the answer is 504. Clipped to the server's "
        "maximum.",
    ),
]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Stable slug to match on.", examples=["undecodable-image"])
    title: str = Field(description="What kind of problem it is.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time, and what to do.")
    request_id: str | None = Field(None, description="Quote it when reporting the problem.")


class DepthJson(BaseModel):
    """A depth map as JSON."""

    model: str
    kind: Literal["relative_inverse_depth", "relative_depth", "metric_depth"] = Field(
        description="Meaning of the numbers; of relative inverse depth larger is nearer."
    )
    unit: Literal["metre"] | None = Field(None, description="Null for relative depth.")
    note: str | None = Field(None, description="What relative depth does not tell.")
    width: int
    height: int
    encoding: Literal["array", "base64"]
    depth: list[list[float]] | str = Field(
        description="Rows from top to bottom; with base64, the bytes of all rows."
    )
    calibration: CalibrationJson | None = Field(None, description="With anchors or calibration.")
    dtype: Literal["float32"] | None = Field(None, description="With base64.")
    byte_order: Literal["little"] | None = Field(None, description="With base64.")


class InputSize(BaseModel):
    """How a photo is resized for a network."""

    target: int = Field(description="Side in pixels that `fit` refers to.")
    multiple_of: int
    target_width: int | None = Field(description="Of the width, where it is another.")
    fit: Fit = Field(
        description="`upper_bound`: no side is longer than the target; `lower_bound`: none is "
        "shorter; `minimal`: one side becomes it, whichever needs less scaling; `area`: the area "
        "is near the target's square; `stretch`: both sides become it."
    )


class Resolution(BaseModel):
    """One input size of a network."""

    resolution: int
    gflop: float = Field(description="Work on an input of this size, in 10^9 operations.")


class ResolutionRange(BaseModel):
    """Input sizes that a network takes, and those that have names."""

    low: Resolution
    high: Resolution
    fast: Resolution
    balanced: Resolution
    best: Resolution


class ModelInfo(BaseModel):
    """One network of ``GET /v1/models``."""

    name: str
    title: str
    default: bool = Field(description="Used by requests that name no network.")
    state: Literal["loaded", "available", "missing"] = Field(
        description="`missing`: its weights are not installed."
    )
    kind: str
    unit: str | None
    licence: str = Field(description="Licence of the weights.")
    licence_accepted: bool = Field(
        description="False for a non-commercial one that `DEPTH_ACCEPT_LICENSES` does not name."
    )
    source: str
    parameters: int
    gflop: float = Field(description="Work on an input of the target's size, in 10^9 operations.")
    memory_mb: float = Field(description="About what it takes in use, for the budget.")
    input: InputSize
    resolutions: ResolutionRange | None = Field(
        description="What `resolution` may be, in the unit of `input.target`; null for a network "
        "that takes its own only."
    )
    qualities: dict[str, float] = Field(
        description="Work at each `quality`, in 10^9 operations; equal ones give the same depth."
    )
    enlarge: Interpolation = Field(
        description="How its depth is brought to the photo's size: `cubic`, `linear`, or "
        "`linear_corners`, in which the map's corner pixels are the photo's."
    )
    weights_origin: Literal["embedded", "official", "first_use", "custom"] | None = Field(
        description="Who vouches for the loaded weights; null until loaded."
    )
    weights_sha256: str | None = Field(
        description="Of the loaded weights; the official one until loaded."
    )
    engine: str | None
    precision: str | None
    parity: float | None = Field(
        description="Mean difference from torch fp32 on a sample photo, as a share of its range."
    )


class ModelList(BaseModel):
    """The answer of ``GET /v1/models``."""

    models: list[ModelInfo]


class Health(BaseModel):
    """The answer of the health routes."""

    status: Literal["ok", "draining", "failed"]
    version: str
    checks: dict[str, bool]


def problem_responses(*errors: type[DepthError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for error classes; classes of one status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = responses.setdefault(
            error.status,
            {"model": Problem, "description": "", "content": {PROBLEM_JSON: {"examples": {}}}},
        )
        if error is Unauthorized:
            entry["headers"] = documented("WWW-Authenticate")
        if error.status in (429, 503):
            entry["headers"] = documented("Retry-After")
        entry["description"] += f"{'; ' if entry['description'] else ''}{error.title}"
        entry["content"][PROBLEM_JSON]["examples"][error.slug] = {
            "value": {
                "type": error.slug,
                "title": error.title,
                "status": error.status,
                "detail": (error.__doc__ or "").strip().splitlines()[0],
                "request_id": "4f0c9a0d8d7b4c0e9f6a1d2b3c4e5f60",
            }
        }
    return responses


PREDICT_PROBLEMS = problem_responses(
    MalformedRequest,
    Unauthorized,
    PayloadTooLarge,
    UnsupportedMediaType,
    UndecodableImage,
    InvalidParameter,
    DepthError,
    TooManyRequests,
    Overloaded,
    Draining,
    ModelUnavailable,
    DecoderUnavailable,
    DeadlineExceeded,
)
NETWORK_PROBLEMS = problem_responses(ModelNotFound) | PREDICT_PROBLEMS
DEPTH_PROBLEMS = problem_responses(NotAcceptable) | NETWORK_PROBLEMS
