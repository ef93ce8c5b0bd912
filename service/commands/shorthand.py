"""``depth-service photo.jpg``: a photo where a command is expected."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from service.errors import InvalidParameter


def completed(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """The command line as it is meant: ``predict`` where a photo or folder stands for a command.

    A command wins over a file of its name, which ``./name`` still reaches. Raises
    :class:`InvalidParameter` for what is neither, and names the command that is like it.
    """
    first = arguments[0] if arguments else "-"
    if first.startswith("-") or first in commands:
        return list(arguments)
    if Path(first).exists():
        return ["predict", *arguments]
    if Path(first).name != first or Path(first).suffix:
        raise InvalidParameter(f"{first}: no such file")
    likely = difflib.get_close_matches(first, commands, n=1)
    hint = f" Was {likely[0]} meant?" if likely else f" There are {', '.join(commands)}."
    raise InvalidParameter(f"{first}: no such command, and no photo or folder of that name.{hint}")
