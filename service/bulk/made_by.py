"""What a folder's outputs were made with, so that no run mixes its own with those of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from service.errors import InvalidParameter
from service.machine.files import write_whole
from service.pipeline.offline import files_in

RECORD = ".made-by.json"


def keep_record(
    outputs: Path, kind: str, identity: Mapping[str, str], is_output: Callable[[Path], bool]
) -> None:
    """Record that outputs of that ``kind``, the end of their names, are of that ``identity``.

    ``is_output`` tells the files of that kind, by their paths within the folder, which is made if
    it is missing. Raises :class:`InvalidParameter` where there are such files, and on record as
    made otherwise. A record that cannot be read is none.
    """
    records = _records(outputs / RECORD)
    before = records.get(kind)
    if before == identity:
        return
    # Whatever else is in the folder, its record stays.
    if before is not None and any(map(is_output, files_in(outputs))):
        raise InvalidParameter(
            f"{outputs}: what is there was made with other options or by another network; "
            "use another folder, or remove it."
        )
    outputs.mkdir(parents=True, exist_ok=True)
    text = orjson.dumps({**records, kind: identity}, option=orjson.OPT_INDENT_2)
    write_whole(outputs / RECORD, text)


def _records(path: Path) -> dict[str, Any]:
    """The identity of each kind that is on record."""
    try:
        records = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}
