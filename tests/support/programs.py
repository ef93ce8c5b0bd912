"""Programs that only some machines have."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest


def require_program(*names: str) -> str:
    """The path of the first program found; without one the test skips, or fails under CI."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    message = f"needs {' or '.join(names)}, which is not installed on this machine"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(message)
    pytest.skip(message)


def packaged_program(name: str) -> str:
    """The path of a program that the development packages bring."""
    return str(Path(sys.executable).with_name(name))
