"""Kinds of query parameters: numbers with a range, points, grids and anchors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pydantic import AfterValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from service.geometry.calibration import MAX_ANCHORS, MAX_METRES

T = TypeVar("T")
Number = TypeVar("Number", int, float)
Text = TypeVar("Text", str, str | None)

_SHARE = r"(?:0?\.[0-9]{1,9}|0|1(?:\.0{1,9})?)"
_METRES = r"(?:[0-9]{1,4}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})"
_SIDE = "(?:[1-9]|[1-5][0-9]|6[0-4])"
_ANCHOR = f"{_SHARE},{_SHARE},{_METRES}"

_REAL = r"-?[0-9]{1,9}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,2})?"

FIT = re.compile(f"{_REAL},{_REAL}")
POINT = re.compile(f"{_SHARE},{_SHARE}")
GRID = re.compile(f"{_SIDE}x{_SIDE}")
ANCHORS = re.compile(f"{_ANCHOR}(?:;{_ANCHOR}){{1,{MAX_ANCHORS - 1}}}")


class Range:
    """A number from ``low`` to ``high``; a refusal names both. NaN lies in no range."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, value: Number) -> Number:
        if not self._low <= value <= self._high:
            raise PydanticCustomError(
                "out_of_range",
                "must be from {low} to {high}",
                {"low": f"{self._low:g}", "high": f"{self._high:g}"},
            )
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The range in JSON Schema's words."""
        return {"minimum": self._low, "maximum": self._high}


def ranged(default: Number, low: float, high: float, description: str) -> Number:
    """A field of a query model that is a number from ``low`` to ``high``."""
    limits = Range(low, high)
    return _checked(default, limits, limits.schema, f"{description} {low:g} to {high:g}.")


def written(default: Text, pattern: re.Pattern[str], form: str, example: str) -> Text:
    """A field that is text of one form; ``form`` says which, in words."""

    def check(value: Text) -> Text:
        if value is not None and not pattern.fullmatch(value):
            raise PydanticCustomError("malformed", "must be {form}", {"form": form})
        return value

    schema = {"pattern": f"^{pattern.pattern}$", "examples": [example]}
    return _checked(default, check, schema, f"Written as {form}.")


def parse_numbers(text: str, separator: str = ",") -> tuple[float, ...]:
    """The numbers of a text that matched one of the patterns."""
    return tuple(float(part) for part in text.split(separator))


POINT_FORM = "x,y as shares from 0 to 1 of the photo's width and height, such as 0.5,0.4"
GRID_FORM = "columns x rows, each from 1 to 64, such as 3x3"
FIT_FORM = "intercept,slope of an earlier answer's calibration, for another photo of the same scene"
ANCHORS_FORM = (
    f"x,y,metres of 2 to {MAX_ANCHORS} points with semicolons between them: x and y as shares "
    f"from 0 to 1 of the photo, metres from 0.01 to {MAX_METRES:g}"
)


def _checked(default: T, check: Callable[[T], T], schema: dict[str, Any], description: str) -> T:
    field = FieldInfo(default=default, description=description, json_schema_extra=schema)
    field.metadata.append(AfterValidator(check))
    # As pydantic's own Field() does: what stands in the class is a field, what instances have is
    # of the default's type.
    return cast(T, field)
