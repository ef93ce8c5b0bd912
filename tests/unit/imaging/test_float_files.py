"""Depth of floating point for other programs: what their readers see, and ours."""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from service.api.negotiation import choose_format
from service.errors import InvalidParameter, NotAcceptable
from service.imaging.decode import decode_grey
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.files.exr import write_exr
from service.imaging.files.tiff import write_tiff
from service.imaging.formats import OutputFormat, encode
from service.imaging.uploaded_depth import DepthMeaning, depth_map_of, read_depth_file
from tests.support.exr_files import read_header, read_zip_floats

FLOATS = (OutputFormat.EXR, OutputFormat.TIFF)
METRIC = DepthKind.METRIC_DEPTH
Write = Callable[[NDArray[np.float32], Mapping[str, str]], bytes]


def metres() -> NDArray[np.float32]:
    """More rows than a block has, the top left without a reading, the bottom right out of reach."""
    values = np.geomspace(0.3, 900, 40 * 23, dtype=np.float32).reshape(40, 23)
    values[0, 0], values[-1, -1] = np.nan, np.inf
    return values


def upload(data: bytes, meaning: DepthMeaning | None = None) -> DepthMap:
    file = read_depth_file(data, 10_000, lambda picture: decode_grey(picture, 10_000))
    return depth_map_of(file, meaning or DepthMeaning(), DepthKind.RELATIVE_DEPTH)


def test_openexr_has_one_channel_and_both_windows() -> None:
    data = encode(DepthMap(metres(), METRIC, "some_network"), OutputFormat.EXR)
    attributes, _ = read_header(data)
    # FLOAT, not linear, every pixel.
    assert attributes["channels"] == b"Z\0" + struct.pack("<iB3xii", 2, 0, 1, 1) + b"\0"
    window = struct.pack("<4i", 0, 0, 22, 39)
    assert attributes["dataWindow"] == attributes["displayWindow"] == window
    assert attributes["Depth-Kind"] == b"metric_depth"
    assert attributes["Depth-Unit"] == b"metre"
    assert attributes["Depth-Model"] == b"some_network"
    assert np.array_equal(read_zip_floats(data), metres(), equal_nan=True)


def test_tifffile_and_opencv_open_the_tiff() -> None:
    data = encode(DepthMap(metres(), METRIC, "some_network"), OutputFormat.TIFF)
    page = tifffile.TiffFile(io.BytesIO(data)).pages.first
    assert np.array_equal(page.asarray(), metres(), equal_nan=True)
    text = json.loads(page.description)
    assert (text["Depth-Kind"], text["Depth-Unit"]) == ("metric_depth", "metre")
    assert page.software.startswith("depth-service ")
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert by_opencv is not None
    assert np.array_equal(by_opencv, metres(), equal_nan=True)


@pytest.mark.parametrize("format", FLOATS)
@pytest.mark.parametrize("kind", DepthKind)
def test_what_is_sent_back_is_the_same(kind: DepthKind, format: OutputFormat) -> None:
    values = metres() if kind is METRIC else np.nan_to_num(metres(), nan=-2, posinf=7)
    back = upload(encode(DepthMap(values, kind, "some_network"), format))
    assert back.kind is kind
    assert np.array_equal(back.values, values, equal_nan=True)


@pytest.mark.parametrize("format", FLOATS)
def test_a_file_is_not_taken_for_another_kind_than_it_says(format: OutputFormat) -> None:
    data = encode(DepthMap(metres(), METRIC, "some_network"), format)
    with pytest.raises(InvalidParameter, match="depth_kind: the file says that it is metric"):
        upload(data, DepthMeaning(DepthKind.RELATIVE_DEPTH))
    with pytest.raises(InvalidParameter, match="depth_scale"):
        upload(data, DepthMeaning(scale=1000))


@pytest.mark.parametrize("write", [write_exr, write_tiff])
@pytest.mark.parametrize("text", [{"Depth-Kind": "metric_depth"}, {"Depth-Kind": "width"}])
def test_a_description_that_cannot_be_true_is_refused(write: Write, text: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter, match="cannot be true"):
        upload(write(metres(), text))


@pytest.mark.parametrize("description", ["", "a house", "[1]", '{"shape": [2, 2]}'])
def test_descriptions_of_other_programs_are_passed_over(description: str) -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, metres()[1:-1], description=description, metadata=None)
    assert upload(buffer.getvalue(), DepthMeaning(METRIC)).kind is METRIC


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("values", [metres()[1:-1], np.full((5, 7), 2, np.float32)])
def test_floats_of_both_byte_orders_are_the_same_numbers(
    values: NDArray[np.float32], order: Any, compression: Any
) -> None:
    """Of a flat map swapped bytes are in range, too: a wall at 2 m was one at 0."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, byteorder=order, compression=compression)
    assert np.array_equal(upload(buffer.getvalue(), DepthMeaning(METRIC)).values, values)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG"])
def test_a_map_is_turned_as_the_photo_that_it_came_with(format: str, turned: int) -> None:
    """Cameras write the same orientation into both."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    levels = np.arange(24 * 32).reshape(24, 32)
    if format == "JPEG":
        # In blocks, which a JPEG keeps.
        levels = (levels[:3, :4] * 20).repeat(8, axis=0).repeat(8, axis=1)
    picture = Image.fromarray(levels.astype(np.uint8 if format == "JPEG" else np.uint16))
    buffer = io.BytesIO()
    picture.save(buffer, format, exif=exif, **({"quality": 100} if format == "JPEG" else {}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(buffer.getvalue()))))
    assert np.array_equal(decode_grey(buffer.getvalue(), 10_000), upright)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(InvalidParameter, match=r"exr needs the package OpenEXR.*\.\[exr\]"):
        encode(DepthMap(metres(), METRIC, "some_network"), OutputFormat.EXR)
    with pytest.raises(InvalidParameter, match=r"\.\[exr\]"):
        choose_format(OutputFormat.EXR, "*/*", METRIC)
    with pytest.raises(NotAcceptable, match=r"image/x-exr needs .*\.\[exr\]"):
        choose_format(None, "image/x-exr", METRIC)
    assert choose_format(None, "image/x-exr, image/tiff;q=0.5", METRIC) is OutputFormat.TIFF


def test_accept_chooses_them() -> None:
    assert choose_format(None, "image/x-exr, image/tiff;q=0.5", METRIC) is OutputFormat.EXR
    assert choose_format(None, "image/tiff", METRIC) is OutputFormat.TIFF
    assert choose_format(None, "image/*", METRIC) is OutputFormat.HEATMAP


def test_a_tiff_that_describes_itself_in_brackets_is_anybody_s() -> None:
    """As deep as a parser that calls itself can go, and deeper."""
    values = np.full((2, 2), 1.5, np.float32)
    own = write_tiff(values, {"kind": "x" * 100_000})
    start = own.index(b'{"kind"')
    end = own.index(b"}", start) + 1
    nested = own[:start] + b"[" * (end - start) + own[end:]
    assert upload(nested, DepthMeaning(METRIC)).values.tolist() == values.tolist()
