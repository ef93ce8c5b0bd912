"""What the name of an output says of the kind of file that is wanted."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from service.commands.options import flag
from service.errors import InvalidParameter
from service.imaging.file_kind import FileKind


def options_by_name(
    output: Path, kinds: Sequence[FileKind], arguments: argparse.Namespace
) -> Mapping[str, Any]:
    """The choices that ``arguments`` and the suffix make together; what neither says is left out.

    Of ``kinds``, the ones that the longest suffix fits; of several, the first. A name without a
    suffix may have any kind. Raises :class:`InvalidParameter` for a suffix that no kind has, and
    for one that is not of the kind that was asked for.
    """
    asked = {name: getattr(arguments, name) for name in kinds[0].options}
    given = {name: value for name, value in asked.items() if value is not None}
    most = max(kind.fit(output.name) for kind in kinds)
    if not most and not output.suffix:
        return given
    able = [kind for kind in kinds if given.items() <= kind.options.items()]
    for kind in able:
        if most and kind.fit(output.name) == most:
            return kind.options
    said = " ".join(f"{flag(name)} {value}" for name, value in given.items())
    otherwise = f", or leave out {said}" if most else ""
    raise InvalidParameter(f"{output}: end its name in {listed(able)}{otherwise}")


def refuse_file_name(outputs: Path, kinds: Sequence[FileKind]) -> None:
    """Raise :class:`InvalidParameter` where the folder for a folder's outputs is named as a file.

    A folder of that name that is there is taken: it was meant.
    """
    if not outputs.is_dir() and any(kind.fit(outputs.name) for kind in kinds):
        raise InvalidParameter(
            f"{outputs}: of a folder, the outputs go into a folder; --format says of which kind"
        )


def listed(kinds: Sequence[FileKind]) -> str:
    """The suffixes that names of these kinds end in."""
    return ", ".join(dict.fromkeys(kind.suffix for kind in kinds))


def refuse_own_input(given: Path, output: Path) -> None:
    """Raise :class:`InvalidParameter` for an output that is what is read, by any name."""
    # What is not there, or cannot be asked about, is not.
    with contextlib.suppress(OSError):
        if output.samefile(given):
            raise InvalidParameter(f"{output}: that is what is read.")
