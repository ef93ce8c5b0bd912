"""Packages that some formats need, and that are installed only where they are asked for."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Extra:
    """``name`` is what pip knows it by, ``package`` what is imported."""

    name: str
    package: str

    @property
    def is_installed(self) -> bool:
        """Whether the package is there; it is not imported."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def demand(self) -> str:
        """What to say to whoever lacks it; completes "`format` ..."."""
        return (
            f"needs the package {self.package}, which is not installed here: "
            f"`pip install '.[{self.name}]'`."
        )
