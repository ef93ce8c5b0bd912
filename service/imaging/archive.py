"""Several files in one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MEDIA_TYPE = "application/zip"


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of files by their names, stored as they are; the same files are the same ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            # Without the time of writing.
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()
