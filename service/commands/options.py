"""A call's query parameters as arguments of a command: the same names, ranges and defaults."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin

import pydantic

from service.errors import InvalidParameter
from service.imaging.options import Options

OptionsT = TypeVar("OptionsT", bound=Options)


def add_options(
    parser: argparse.ArgumentParser, options: type[Options], left_out: Collection[str] = ()
) -> None:
    """Add an argument for each field, ``--max-side`` for ``max_side``, but those ``left_out``."""
    for name, field in options.model_fields.items():
        if name not in left_out:
            parser.add_argument(
                flag(name),
                dest=name,
                help=(field.description or "").replace("%", "%%").replace("`", ""),
                **_form(field.annotation),
            )


def given_options(
    arguments: argparse.Namespace, options: type[OptionsT], **known: object
) -> OptionsT:
    """What the arguments of :func:`add_options` say; ``known`` are fields that have none.

    Raises :class:`InvalidParameter` where HTTP answers 422, and for an option that does nothing
    without another.
    """
    said = {name: getattr(arguments, name, None) for name in options.model_fields}
    given = {name: value for name, value in said.items() if value is not None}
    try:
        made = options(**(given | known))
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        where = "".join(f"{flag(str(name))} " for name in fault["loc"][:1])
        raise InvalidParameter(f"{where}{fault['msg']}") from None
    made.refuse_lone()
    return made


def flag(name: str) -> str:
    """The argument of a field."""
    return f"--{name.replace('_', '-')}"


def _form(annotation: object) -> dict[str, Any]:
    """How argparse reads one value; pydantic checks the rest."""
    kind: Any
    kind, *_ = [one for one in get_args(annotation) if one is not type(None)] or [annotation]
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"choices": list(kind), "type": kind}
    return {"type": kind if kind in (int, float) else str, "metavar": kind.__name__.upper()}
