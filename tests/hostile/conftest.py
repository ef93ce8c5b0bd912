from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.seeds import seed_photos
from tests.support.photos import jpeg_720p
from tests.support.server import ServerProcess


@pytest.fixture(scope="package")
def target(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server that has warmed up: every decoder loaded, pools at size.

    What is hostile is decoded as ever; its network's input is small, which takes a third of a core.
    """
    with ServerProcess(cache_dir=str(cache_dir), resolution="128") as server:
        for _ in range(3):
            for photo in (*seed_photos().values(), jpeg_720p()):
                server.client.post("/v1/depth", files={"image": photo})
        yield server


Tried = Callable[[str, int], None]


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tried:
    """Where a test says how many inputs of what kind it tried; pytest's summary has the sum."""

    def note(kind: str, count: int) -> None:
        record_property(f"hostile {kind}", count)

    return note
