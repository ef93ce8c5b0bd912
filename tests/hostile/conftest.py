from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.seeds import seed_photos
from tests.support.photos import jpeg_720p
from tests.support.server import ServerProcess

_tried: dict[str, int] = {}


@pytest.fixture(scope="package")
def target(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server of default settings that has warmed up: every decoder loaded, pools at size."""
    with ServerProcess(cache_dir=str(cache_dir)) as server:
        for _ in range(3):
            for photo in (*seed_photos().values(), jpeg_720p()):
                server.client.post("/v1/depth", files={"image": photo})
        yield server


@pytest.fixture
def tried() -> dict[str, int]:
    """Where a test notes how many inputs it tried; the sum is in pytest's summary."""
    return _tried


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _tried:
        counts = ", ".join(f"{count} {name}" for name, count in _tried.items())
        terminalreporter.write_line(f"hostile inputs tried: {sum(_tried.values())} ({counts})")
