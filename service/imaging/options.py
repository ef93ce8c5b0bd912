"""Options of a caller, whose ranges and forms stand once: for HTTP, the command line and Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from service.errors import InvalidParameter

T = TypeVar("T")
Number = TypeVar("Number", int, float, float | None)
Text = TypeVar("Text", str, str | None)

SHARE = r"(?:0?\.[0-9]{1,9}|0|1(?:\.0{1,9})?)"
_SIDE = "(?:[1-9]|[1-5][0-9]|6[0-4])"

POINT = re.compile(f"{SHARE},{SHARE}")
GRID = re.compile(f"{_SIDE}x{_SIDE}")


class Options(BaseModel):
    """Base of a caller's choices: an unknown one is refused, as it may be a typo.

    ``renamed`` maps names of an earlier release to today's; both are read. ``of_format`` has the
    defaults that a ``format`` has of its own, ``needs`` what does nothing without another option,
    with that one. Raises pydantic's ``ValidationError``, which the API answers as 422 and the
    command line prints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    renamed: ClassVar[Mapping[str, str]] = {}
    of_format: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    needs: ClassVar[Mapping[str, str]] = {}

    def refuse_lone(self) -> None:
        """Raise :class:`InvalidParameter` for an option without the one that it needs.

        For callers who write what they mean, as :func:`refuse_unread`.
        """
        for base in type(self).__mro__:
            for name, other in vars(base).get("needs", {}).items():
                if name in self.model_fields_set and other not in self.model_fields_set:
                    raise InvalidParameter(f"{name} does nothing without {other}.")

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        today = {old: new for old, new in cls.renamed.items() if new not in values}
        return {today.get(name, name): value for name, value in values.items()}

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, values: object) -> object:
        format = values.get("format") if isinstance(values, Mapping) else None
        if not isinstance(values, Mapping) or not isinstance(format, str):
            return values
        asked = {cls.renamed.get(name, name) for name in values}
        own = cls.of_format.get(format, {})
        return {name: own[name] for name in own.keys() - asked} | dict(values)


def refuse_unread(
    given: Collection[str], chosen: Collection[str], readers: Mapping[str, Collection[str]]
) -> None:
    """Raise :class:`InvalidParameter` for an option that nothing of what is ``chosen`` reads.

    ``given`` are names of options; ``readers`` has the choices that read one, for each that not
    every choice does. It is for callers who write what they mean; forms send all that they have.
    """
    for name in sorted(readers.keys() & set(given)):
        if not set(readers[name]) & set(chosen):
            said, only = " ".join(chosen), ", ".join(readers[name])
            raise InvalidParameter(f"{name} does nothing for {said}, only for {only}.")


class Range:
    """A number from ``low`` to ``high``; a refusal names both. NaN lies in no range."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, value: Number) -> Number:
        if value is not None and not self._low <= value <= self._high:
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
    """A field of a query model that is a number from ``low`` to ``high``, or None."""
    limits = Range(low, high)
    return _checked(default, limits, limits.schema, f"{description} {low:g} to {high:g}.")


def written(default: Text, pattern: re.Pattern[str], form: str, example: str) -> Text:
    """A field that is text of one form; ``form`` says which, in words."""
    form = f"{form}, such as {example}"

    def check(value: Text) -> Text:
        if value is not None and not pattern.fullmatch(value):
            raise PydanticCustomError("malformed", "must be {form}", {"form": form})
        return value

    schema = {"pattern": f"^{pattern.pattern}$", "examples": [example]}
    return _checked(default, check, schema, f"Written as {form}.")


def parse_numbers(text: str, separator: str = ",") -> tuple[float, ...]:
    """The numbers of a text that matched one of the patterns."""
    return tuple(float(part) for part in text.split(separator))


POINT_FORM = "x,y as shares from 0 to 1 of the photo's width and height"
GRID_FORM = "columns x rows, each from 1 to 64"


MAX_SIDE = "Longest side of the result in pixels; photos are never enlarged."
FAR_RATIO = "How many times farther the farthest point is than the nearest, a guess of yours."


def _checked(default: T, check: Callable[[T], T], schema: dict[str, Any], description: str) -> T:
    field = FieldInfo(default=default, description=description, json_schema_extra=schema)
    field.metadata.append(AfterValidator(check))
    # As pydantic's own Field() does: what stands in the class is a field, what instances have is
    # of the default's type.
    return cast(T, field)
