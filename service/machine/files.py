"""Files that others may change while the service runs."""

from __future__ import annotations

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
