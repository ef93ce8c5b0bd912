"""Files that others may change while the service runs, and files that are never half there."""

from __future__ import annotations

import os
from pathlib import Path

FileVersion = tuple[int, int, int] | None
"""Modification time in nanoseconds, size in bytes and inode; None for a file that is not there."""


def file_version(path: Path) -> FileVersion:
    """What changes when the file does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there with ``data``, or as it was before, whoever ends on the way."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
