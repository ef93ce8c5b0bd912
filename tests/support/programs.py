"""Programs and packages that only some machines have."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

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


def require_module(name: str) -> Any:
    """The module of an optional extra; without it the test skips, or fails under CI."""
    if os.environ.get("REQUIRE_ALL") == "1":
        return importlib.import_module(name)
    return pytest.importorskip(name)


def packaged_program(name: str) -> str:
    """The path of a program that the development packages bring."""
    return str(Path(sys.executable).with_name(name))
