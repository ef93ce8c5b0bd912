"""All hostile images: generated, seeded, the same on every run."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.hostile.bombs import (
    Named,
    animation_floods,
    directory_traps,
    header_bombs,
    resource_bombs,
)
from tests.hostile.oddities import bad_metadata, lying_details, odd_tiffs, polyglots
from tests.hostile.seeds import heic_seeds, seed_photos
from tests.support.sample import gate_or_whole

_SEED = 20_261_122
_FLIPPED_COPIES = gate_or_whole(8, 30)
_CUT_ELSEWHERE = gate_or_whole(2, 8)


def hostile_images() -> Iterator[Named]:
    """Name and bytes of each image but the few that take seconds (``bombs.STRIPS``)."""
    seeds = seed_photos()
    draw = random.Random(_SEED)  # noqa: S311 (not a secret)
    yield from seeds.items()
    for name, data in seeds.items():
        yield from _truncated(name, data, draw)
        yield from _flipped(name, data, draw)
    yield from header_bombs(seeds)
    yield from resource_bombs(seeds)
    yield from animation_floods(seeds)
    yield from directory_traps()
    yield from polyglots(seeds)
    yield from bad_metadata(seeds, draw)
    yield from lying_details(seeds)
    yield from odd_tiffs()


def heic_images() -> Iterator[Named]:
    """The same of HEIC; nothing where the extra is not installed."""
    draw = random.Random(_SEED)  # noqa: S311 (not a secret)
    for name, data in heic_seeds().items():
        yield name, data
        yield from _truncated(name, data, draw)
        yield from _flipped(name, data, draw)


def _truncated(name: str, data: bytes, draw: random.Random) -> Iterator[Named]:
    tenths = [len(data) * share // 10 for share in range(10)]
    edges = [1, 2, 3, 4, 8, 12, 16, 33, len(data) - 1, len(data) - 2, len(data) - 8]
    elsewhere = [draw.randrange(len(data)) for _ in range(_CUT_ELSEWHERE)]
    for length in sorted({*tenths[1:], *edges, *elsewhere}):
        yield f"{name}[:{length}]", data[:length]


def _flipped(name: str, data: bytes, draw: random.Random) -> Iterator[Named]:
    """Copies with some bits flipped, half of them in the first 100 bytes: the headers."""
    for copy in range(_FLIPPED_COPIES):
        flipped = bytearray(data)
        for _ in range(draw.choice((1, 2, 4, 16))):
            place = draw.randrange(min(100, len(data)) if copy % 2 else len(data))
            flipped[place] ^= 1 << draw.randrange(8)
        yield f"{name}, flipped {copy}", bytes(flipped)
