"""Depth in OpenEXR: hostile headers are refused before the package sees them."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from service.decoding.isolated import DecodeLimits, IsolatedDecoder
from service.errors import DepthError, PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.depth_kind import DepthKind
from service.imaging.files import exr
from service.imaging.files.exr import read_exr, write_exr
from service.imaging.uploaded_depth import (
    DepthMeaning,
    count_floats,
    depth_map_of,
    read_depth_file,
)

METRES = np.array([[0.45, 2.11, 3.0], [4.971, 7.5, np.inf]], np.float32)
HALF, FLOAT = 1, 2
MAX_PIXELS = 10_000


def channel(name: str = "Z", kind: int = FLOAT, step: int = 1) -> bytes:
    return name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, step, step)


def window(width: int, height: int, left: int = 0) -> bytes:
    return struct.pack("<4i", left, 0, left + width - 1, height - 1)


def exr_file(
    changed: Mapping[str, bytes] | None = None,
    values: NDArray[np.floating] = METRES,
    flags: int = 2,
) -> bytes:
    """An uncompressed file, its header's attributes ``changed`` or, where empty, left out."""
    height, width = values.shape
    attributes = {
        "channels": ("chlist", channel(kind=HALF if values.dtype == np.float16 else FLOAT) + b"\0"),
        "compression": ("compression", b"\0"),
        "dataWindow": ("box2i", window(width, height)),
        "displayWindow": ("box2i", window(width, height)),
        "lineOrder": ("lineOrder", b"\0"),
        "pixelAspectRatio": ("float", struct.pack("<f", 1)),
        "screenWindowCenter": ("v2f", bytes(8)),
        "screenWindowWidth": ("float", struct.pack("<f", 1)),
    }
    header = exr.SIGNATURE + struct.pack("<I", flags)
    for name, (kind, usual) in attributes.items():
        if value := (changed or {}).get(name, usual):
            header += f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value
    header += b"\0"
    lines = [values[y].tobytes() for y in range(height)]
    first = len(header) + 8 * height
    step = 8 + len(lines[0])
    table = struct.pack(f"<{height}Q", *(first + y * step for y in range(height)))
    rows = (struct.pack("<ii", y, len(line)) + line for y, line in enumerate(lines))
    return header + table + b"".join(rows)


def test_where_the_package_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(UnsupportedMediaType, match=r"package OpenEXR .*\[exr\]"):
        count_floats(exr_file(), MAX_PIXELS)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_numbers_are_read_as_they_are_stored(kind: type[np.floating]) -> None:
    pytest.importorskip("OpenEXR")
    values = METRES.astype(kind)
    decoder = IsolatedDecoder(1, DecodeLimits(60, 10**9), MAX_PIXELS, True, lambda: None)
    try:
        file = read_depth_file(exr_file(values=values), MAX_PIXELS, decoder.grey)
        depth = depth_map_of(file, DepthMeaning(DepthKind.METRIC_DEPTH), DepthKind.RELATIVE_DEPTH)
        assert np.array_equal(depth.values, values.astype(np.float32))
        for end in range(5, len(exr_file(values=values)), 7):
            with pytest.raises(UndecodableImage):
                decoder.grey(exr_file(values=values)[:end])
    finally:
        decoder.close()


HOSTILE = {
    "no channel": {"channels": b"\0"},
    "two channels": {"channels": channel("R") + channel("Z") + b"\0"},
    "whole numbers": {"channels": channel(kind=0) + b"\0"},
    "an unknown type": {"channels": channel(kind=9) + b"\0"},
    "every other pixel": {"channels": channel(step=2) + b"\0"},
    "channels without end": {"channels": channel()},
    "no channels' list": {"channels": b""},
    "no window": {"dataWindow": b""},
    "a part of the picture": {"displayWindow": window(4, 2)},
    "an empty window": {"dataWindow": window(0, 2), "displayWindow": window(0, 2)},
    "a window out of range": {
        "dataWindow": struct.pack("<4i", -(2**31), 0, 2**31 - 1, 0),
        "displayWindow": struct.pack("<4i", -(2**31), 0, 2**31 - 1, 0),
    },
    "a short window": {"dataWindow": bytes(3)},
    "a codec of another kind": {"compression": b"\x0a"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exr, "is_exr_readable", lambda: True)
    assert exr.exr_size(exr_file()) == (3, 2)
    with pytest.raises(UndecodableImage):
        exr.exr_size(exr_file(HOSTILE[name]))


@pytest.mark.parametrize("flag", [0x200, 0x800, 0x1000])
def test_tiles_deep_data_and_parts_are_refused(flag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exr, "is_exr_readable", lambda: True)
    with pytest.raises(UndecodableImage, match="scan lines"):
        exr.exr_size(exr_file(flags=2 | flag))


def test_more_pixels_than_allowed_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exr, "is_exr_readable", lambda: True)
    limit = {name: window(100, 100) for name in ("dataWindow", "displayWindow")}
    assert count_floats(exr_file(limit), 10_000) == 10_000
    beyond = {name: window(2**20, 2**10, left=-5) for name in ("dataWindow", "displayWindow")}
    with pytest.raises(PayloadTooLarge):
        count_floats(exr_file(beyond), 10_000)
    tracemalloc.start()
    with pytest.raises(PayloadTooLarge):
        exr.read_exr(exr_file(beyond), 10_000)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_damaged_headers_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exr, "is_exr_readable", lambda: True)
    good = exr_file()
    rng = np.random.default_rng(0)
    for _ in range(2000):
        bad = bytearray(good[: rng.integers(4, len(good) + 1)])
        for _ in range(rng.integers(0, 4)):
            bad[rng.integers(0, len(bad))] = rng.integers(256)
        bad[:4] = exr.SIGNATURE
        try:
            exr.exr_size(bytes(bad))
        except DepthError as error:
            assert error.status == 422


def test_what_is_written_is_read_back_as_it_was() -> None:
    pytest.importorskip("OpenEXR")
    values = np.array([[0.5, np.inf, -3], [np.nan, 1e-6, 70]], np.float32)
    again = read_exr(write_exr(values), max_pixels=6)
    assert np.array_equal(again, values, equal_nan=True)
