"""The picture of imports: they run downward only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import service

ROOT = Path(service.__file__).parent

# Each may import those in later rows. What stands in one row does not know its neighbours.
LAYERS = (
    {"__main__"},
    {"commands"},
    {"server"},
    {"api"},
    {"bulk", "evaluation"},
    {"video"},
    {"pipeline"},
    {"inference"},
    {"models"},
    {"decoding", "networks", "effects"},
    {"geometry"},
    {"imaging"},
    {"observability", "machine"},
    {"settings"},
    {"errors"},
)
ROW = {room: row for row, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Pairs of rooms: of the file, and of what it imports at any place."""
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            whole = "service" if node.module == "service" else None
            names = [f"{whole or node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("service.") and room_of(name) in ROW:
                yield room, room_of(name)


def test_every_room_has_its_layer() -> None:
    rooms = {path.name.removesuffix(".py") for path in ROOT.iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__pycache__", "web"} == set(ROW)


def test_imports_run_downward() -> None:
    up = {
        f"{file.relative_to(ROOT)} imports {target}"
        for file in ROOT.rglob("*.py")
        for room, target in imports(file)
        if room != target and ROW[room] >= ROW[target]
    }
    assert not up
