"""Photos as people have them, in ``tests/data/inputs``."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "data" / "inputs"


def input_bytes(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
