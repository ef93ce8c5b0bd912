"""NPY files: every spelling of a header that means a map, and none that means anything else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from service.errors import DepthError, InvalidParameter, PayloadTooLarge
from service.imaging.npy import count_npy, read_npy

VALUES = np.arange(6, dtype="<f4").reshape(2, 3)
DATA = VALUES.tobytes()


def npy_file(header: str, data: bytes = DATA, version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        '{"shape": (2, 3), "fortran_order": False, "descr": "<f4"}\n',
        "{'fortran_order':False,'shape':(2,3),'descr':'float32'}",
        "{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f4'}",
    ],
    ids=["numpy's own", "another order and quotes", "no spaces", "Python 2"],
)
@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_a_map_is_read_however_its_header_is_spelt(header: str, version: int) -> None:
    data = npy_file(header, version=version)
    assert count_npy(data, max_pixels=6) == 6
    assert np.array_equal(read_npy(data, max_pixels=6), VALUES)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize(
    "type", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|u1", "<u2", ">u2", "<i4"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_writes_is_read(version: tuple[int, int], type: str, order: Any) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(VALUES, type, order=order), version)
    read = read_npy(buffer.getvalue(), max_pixels=6)
    assert read.dtype == np.dtype(type).newbyteorder("=")
    assert np.array_equal(read, VALUES)


def shaped(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    "header",
    [
        *("", "{", "(" * 900, "-" * 900 + "1", "{}" * 400, "\0" * 20, "\\", "'''"),
        *(shaped(shape) for shape in ("()", "(6,)", "(1, 2, 3)", "6", "[2, 3]", "'23'", "None")),
        *(shaped(shape) for shape in ("(-2, -3)", "(True, 6)", "(2.0, 3)", "(9**9**9, 1)")),
        *(shaped(shape) for shape in ("(99999999999999999999, 4)", "(0, 3)", "(2, 3")),
        *(shaped("(2, 3)", descr) for descr in ("'|O'", "'<f16'", "'<c8'", "'|S4'", "'f4,f4'")),
        *(shaped("(2, 3)", descr) for descr in ("[('a', '<f4')]", "('<f4', (2,))", "'V'", "''")),
        shaped("(2, 3)").replace("False", "0"),
        shaped("(2, 3)").replace("}", ", 'more': 1}"),
        shaped("(2, 3)") + " " * 2000,
    ],
    ids=lambda header: header[:60],
)
def test_no_other_header_is_believed(header: str) -> None:
    for version in (1, 2, 3):
        with pytest.raises(InvalidParameter, match="depth: "):
            read_npy(npy_file(header, version=version), max_pixels=6)


def test_the_pixel_limit_holds_before_anything_is_made_of_that_size() -> None:
    with pytest.raises(PayloadTooLarge):
        count_npy(npy_file(shaped("(9999999, 9999999)")), max_pixels=6)
    assert count_npy(npy_file(shaped("(2, 3)")), max_pixels=6) == 6
    with pytest.raises(PayloadTooLarge):
        count_npy(npy_file(shaped("(2, 3)")), max_pixels=5)


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_an_npz_with_one_array_is_read() -> None:
    data = npz(depth=VALUES)
    assert count_npy(data, max_pixels=6) == 6
    assert np.array_equal(read_npy(data, max_pixels=6), VALUES)


@pytest.mark.parametrize(
    "data", [npz(), npz(a=VALUES, b=VALUES), npz(depth=VALUES)[:40], b"PK", b"PK\x03\x04" * 40]
)
def test_no_other_npz_is_read(data: bytes) -> None:
    for read in (read_npy, count_npy):
        with pytest.raises(InvalidParameter, match="NPZ"):
            read(data, max_pixels=6)


def test_an_npz_that_unpacks_to_more_than_it_says_is_refused() -> None:
    bomb = npz(depth=np.zeros((4000, 4000)))
    assert len(bomb) < 200_000
    with pytest.raises(PayloadTooLarge):
        read_npy(bomb, max_pixels=1000)
    with pytest.raises(PayloadTooLarge):
        count_npy(bomb, max_pixels=1000)


def test_damaged_files_are_refused_by_name() -> None:
    good = npy_file(shaped("(2, 3)"))
    rng = np.random.default_rng(0)
    for _ in range(2000):
        bad = bytearray(good[: rng.integers(6, len(good) + 1)])
        for _ in range(rng.integers(1, 4)):
            bad[rng.integers(len(bad))] = rng.integers(256)
        try:
            read_npy(bytes(bad), max_pixels=6)
        except DepthError as error:
            assert error.status in (413, 415, 422)
