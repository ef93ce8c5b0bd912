"""Compressed bodies: whole, in bounded pieces, and everything that is no whole stream."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from service.api.compressed_body import inflated
from service.errors import MalformedRequest

COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
DATA = b'{"inputs": []}' * 1000
PIECE = 1 << 22


@pytest.fixture(params=COMPRESS)
def coding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    "data", [b"", b"a", DATA, *(bytes(size) for size in (PIECE - 1, PIECE, PIECE + 1, 3 * PIECE))]
)
def test_what_was_compressed_comes_back(coding: str, data: bytes) -> None:
    assert b"".join(inflated(COMPRESS[coding](data), coding)) == data


def test_a_bomb_is_decompressed_no_further_than_it_is_asked_for(coding: str) -> None:
    bomb = COMPRESS[coding](bytes(50 * PIECE))
    tracemalloc.start()
    try:
        pieces = inflated(bomb, coding)
        assert len(next(pieces)) == len(next(pieces)) == PIECE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * PIECE


def test_every_other_body_is_malformed(coding: str) -> None:
    whole = COMPRESS[coding](DATA)
    (other,) = COMPRESS.keys() - {coding}
    broken = bytearray(whole)
    broken[-5] ^= 1  # its checksum no longer fits
    for body in (b"", DATA, broken, whole + whole, whole + b"a", COMPRESS[other](DATA)):
        with pytest.raises(MalformedRequest, match=coding):
            list(inflated(bytes(body), coding))
    for end in range(len(whole)):
        with pytest.raises(MalformedRequest):
            list(inflated(whole[:end], coding))
