from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.decoding.decoder import Decoder, InProcessDecoder
from service.decoding.isolated import DecodeLimits, IsolatedDecoder

MAX_PIXELS = 50_000_000


@pytest.fixture(scope="session", params=["in process", "isolated"])
def decoder(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    """Both ways of decoding, whole."""
    if request.param == "in process":
        yield InProcessDecoder(MAX_PIXELS, scaled_decode=False)
        return
    limits = DecodeLimits(seconds=60, memory_bytes=2_000_000_000)
    isolated = IsolatedDecoder(1, limits, MAX_PIXELS, False, lambda: pytest.fail("a decoder ended"))
    isolated.wait_until_ready()
    yield isolated
    isolated.close()
