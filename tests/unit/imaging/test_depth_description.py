from __future__ import annotations

import io
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, PngImagePlugin

from service import __version__
from service.errors import InvalidParameter
from service.imaging.depth_description import read_description
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import MAX_METRES, DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import OutputFormat, encode

DEPTH16 = OutputFormat.DEPTH16


def read_back(png: bytes) -> np.ndarray:
    description = read_description(png)
    assert description is not None
    return description.values(np.asarray(Image.open(io.BytesIO(png)), np.uint16))


def png_with(text: dict[str, str]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for keyword, value in text.items():
        info.add_text(keyword, value)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@given(
    arrays(np.float32, (5, 7), elements=st.floats(0.125, 900, width=32)),
    st.sampled_from(DepthKind),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_what_is_written_is_read_back_to_half_a_level(
    values: np.ndarray, kind: DepthKind, gap: bool, sky: bool, invert: bool
) -> None:
    if gap:
        values[0, 0] = np.nan
    if sky and kind is DepthKind.METRIC_DEPTH:
        values[1, 1] = np.inf
    depth = DepthMap(values, kind, "some_network")
    png = encode(depth, DEPTH16, EncodeOptions(invert=invert))
    back = read_back(png)
    assert np.array_equal(np.isnan(back), np.isnan(values))
    assert np.array_equal(np.isinf(back), np.isinf(values))
    finite = np.isfinite(values)
    high = MAX_METRES if depth.has_infinity else depth.extent[1]
    level = (high - depth.extent[0]) / 65534
    rounding = 1e-6 * np.abs(values[finite])
    assert (np.abs(back[finite] - values[finite]) <= 0.51 * level + rounding).all()


def test_other_programs_read_what_the_levels_mean() -> None:
    depth = DepthMap(np.array([[1, 2.5]], np.float32), DepthKind.METRIC_DEPTH, "zoe")
    image = Image.open(io.BytesIO(encode(depth, DEPTH16)))
    assert image.text == {  # type: ignore[attr-defined]
        "Software": f"depth-service {__version__}",
        "Depth-Model": "zoe",
        "Depth-Kind": "metric_depth",
        "Depth-Unit": "metre",
        "Depth-Min": "1.0",
        "Depth-Max": "2.5",
    }


@pytest.mark.parametrize("gap", [1.5, math.nan])
def test_inverted_levels_fall_from_the_largest_and_a_gap_stays_0(gap: float) -> None:
    values = np.array([[1, gap, 2, 5]], np.float32)
    depth = DepthMap(values, DepthKind.RELATIVE_INVERSE_DEPTH, "some_network")
    plain, inverted = (
        np.asarray(
            cv2.imdecode(
                np.frombuffer(encode(depth, DEPTH16, EncodeOptions(invert=invert)), np.uint8),
                cv2.IMREAD_UNCHANGED,
            )
        ).astype(int)
        for invert in (False, True)
    )
    first = 1 if math.isnan(gap) else 0
    assert (plain[0, 0], plain[0, 3]) == (first, 65535)
    assert (inverted[0, 0], inverted[0, 3]) == (65535, first)
    assert (plain + inverted)[0, [0, 2, 3]].tolist() == [65535 + first] * 3
    assert (inverted[0, 1] == 0) == math.isnan(gap)


def test_a_map_without_any_reading_is_written_and_read() -> None:
    depth = DepthMap(np.full((2, 2), math.nan, np.float32), DepthKind.METRIC_DEPTH, "zoe")
    assert np.isnan(read_back(encode(depth, DEPTH16))).all()


def test_a_png_of_another_program_has_no_description() -> None:
    assert read_description(png_with({"Software": "GIMP", "Comment": "depth"})) is None
    assert read_description(b"\x89PNG\r\n\x1a\n") is None


TRUE = {"Depth-Kind": "metric_depth", "Depth-Unit": "metre", "Depth-Min": "1", "Depth-Max": "2"}


@pytest.mark.parametrize(
    "lie",
    [
        {"Depth-Min": "-1e300"},
        {"Depth-Max": "1e300"},
        {"Depth-Max": "inf"},
        {"Depth-Min": "nan"},
        {"Depth-Min": "one"},
        {"Depth-Kind": "feet"},
        {"Depth-Unit": "foot"},
        {"Depth-Invalid": "none"},
        {"Depth-Invalid": "-1"},
        {"Depth-Invalid": "65536"},
        {"Depth-Beyond": "-1"},
        {"Depth-Beyond": "nan"},
    ],
)
def test_a_description_that_cannot_be_true_is_refused(lie: dict[str, str]) -> None:
    assert read_description(png_with(TRUE)) is not None
    with pytest.raises(InvalidParameter, match="cannot be true"):
        read_description(png_with(TRUE | lie))


@pytest.mark.parametrize("missing", ["Depth-Kind", "Depth-Min", "Depth-Max", "Depth-Unit"])
def test_half_a_description_is_refused(missing: str) -> None:
    text = {keyword: value for keyword, value in TRUE.items() if keyword != missing}
    with pytest.raises(InvalidParameter, match="cannot be true"):
        read_description(png_with(text))


def test_a_description_behind_a_thousand_chunks_is_not_looked_for() -> None:
    other = {f"Comment{number}": "x" for number in range(1000)}
    assert read_description(png_with(other | TRUE)) is None
