"""The PNG writer, read back by two decoders that share no code with it."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from service.imaging import png, strips

SIZES = [(1, 1), (1, 7), (7, 1), (48, 64), (301, 257)]


@pytest.fixture(autouse=True, params=[1, 2, 5])
def cpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every picture in as many strips: nothing else may depend on their number."""
    monkeypatch.setattr(strips, "cpu_budget", lambda: request.param)
    monkeypatch.setattr(strips, "_LEAST_VALUES", 1)
    return int(request.param)


def noise(size: tuple[int, ...], top: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, size, endpoint=True)


def read_twice(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    image = Image.open(io.BytesIO(data))
    image.load()
    by_cv2 = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image), np.asarray(by_cv2)


@pytest.mark.parametrize("size", SIZES)
def test_indexed(size: tuple[int, int]) -> None:
    indices = noise(size, 255).astype(np.uint8)
    colours = noise((256, 3), 255).astype(np.uint8)
    by_pillow, by_cv2 = read_twice(png.encode_indexed(indices, colours.tobytes()))
    assert np.array_equal(by_pillow, indices)
    assert np.array_equal(by_cv2[..., ::-1], colours[indices])


@pytest.mark.parametrize("size", SIZES)
def test_rgb(size: tuple[int, int]) -> None:
    pixels = noise((*size, 3), 255).astype(np.uint8)
    by_pillow, by_cv2 = read_twice(png.encode_rgb(pixels))
    assert np.array_equal(by_pillow, pixels)
    assert np.array_equal(by_cv2[..., ::-1], pixels)


@pytest.mark.parametrize("size", SIZES)
def test_grey16(size: tuple[int, int]) -> None:
    pixels = noise(size, 65535).astype(np.uint16)
    by_pillow, by_cv2 = read_twice(png.encode_grey16(pixels))
    assert np.array_equal(by_pillow.astype(np.uint16), pixels)
    assert np.array_equal(by_cv2, pixels)


def test_a_transposed_view_is_written_as_it_reads() -> None:
    indices = noise((20, 30), 255).astype(np.uint8).T
    by_pillow, _ = read_twice(png.encode_indexed(indices, bytes(768)))
    assert np.array_equal(by_pillow, indices)


@pytest.mark.parametrize("size", SIZES)
def test_the_stream_is_what_zlib_checks(size: tuple[int, int]) -> None:
    """The decoders above forgive a wrong Adler-32; zlib does not."""
    indices = noise(size, 255).astype(np.uint8)
    data = png.encode_indexed(indices, bytes(768))
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start])
    rows = zlib.decompress(data[start + 4 : start + 4 + length])
    assert len(rows) == size[0] * (size[1] + 1)
