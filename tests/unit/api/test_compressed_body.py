"""Compressed bodies: both sides of the bound, and everything that is no whole stream."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from service.api.compressed_body import inflated
from service.errors import MalformedRequest, PayloadTooLarge

COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
DATA = b'{"inputs": []}' * 1000
BOMB_BYTES = 200_000_000


@pytest.fixture(params=COMPRESS)
def coding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("data", [b"", b"a", DATA])
def test_what_was_compressed_comes_back_up_to_the_bound(coding: str, data: bytes) -> None:
    assert inflated(COMPRESS[coding](data), coding, len(data)) == data


def test_a_byte_above_the_bound_is_too_large(coding: str) -> None:
    with pytest.raises(PayloadTooLarge, match="decompressed"):
        inflated(COMPRESS[coding](DATA), coding, len(DATA) - 1)


def test_a_bomb_is_not_decompressed(coding: str) -> None:
    bomb = COMPRESS[coding](bytes(BOMB_BYTES))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            inflated(bomb, coding, 1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_every_other_body_is_malformed(coding: str) -> None:
    whole = COMPRESS[coding](DATA)
    (other,) = COMPRESS.keys() - {coding}
    broken = bytearray(whole)
    broken[-5] ^= 1  # its checksum no longer fits
    for body in (b"", DATA, broken, whole + whole, whole + b"a", COMPRESS[other](DATA)):
        with pytest.raises(MalformedRequest, match=coding):
            inflated(bytes(body), coding, 10 * len(DATA))
    for end in range(len(whole)):
        with pytest.raises(MalformedRequest):
            inflated(whole[:end], coding, len(DATA))
