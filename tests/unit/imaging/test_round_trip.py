"""What the service wrote is what it reads: every format, every kind, gaps and infinity.

A new format is exact, unless it is named here with the step of its numbers, or as one that is not
read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import DepthError, InvalidParameter
from service.imaging.decode import decode_grey
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, OutputFormat, encode
from service.imaging.render import Colormap
from service.imaging.uploaded_depth import DepthMeaning, Invalid, depth_map_of, read_depth_file

METRIC, INVERSE = DepthKind.METRIC_DEPTH, DepthKind.RELATIVE_INVERSE_DEPTH
OPTIONS = EncodeOptions(camera_info={"width": 4})
MOST = 10_000

NOT_READ = {OutputFormat.HEATMAP, OutputFormat.JSON, OutputFormat.ROS}
READ = [format for format in FORMATS if format not in NOT_READ]
SILENT = {OutputFormat.NPY}
"""Formats that do not say what their numbers are; the answer's headers do."""


def level_of_16_bits(depth: DepthMap) -> float:
    low, high = depth.reported_extent
    # Where there are gaps, one level is theirs.
    return (high - low) / (65535 if depth.without_infinity.is_whole else 65534)


STEPS: dict[OutputFormat, Callable[[DepthMap], float]] = {
    OutputFormat.DEPTH16: level_of_16_bits,
    OutputFormat.MM16: lambda depth: 0.001,
}


@st.composite
def maps(draw: st.DrawFn) -> DepthMap:
    """Maps of every kind, of any range, some of whose pixels are gaps, or sky."""
    kind = draw(st.sampled_from(DepthKind))
    low, ratio = draw(st.floats(0.01, 500)), draw(st.floats(1, 1000))
    values = np.geomspace(low, low * ratio, 12, dtype=np.float32)
    twelve = st.lists(st.booleans(), min_size=12, max_size=12)
    if kind is METRIC:
        values[draw(twelve)] = np.inf
    else:
        values -= np.float32(draw(st.floats(-100, 100)))
    values[draw(twelve)] = np.nan
    values[draw(st.integers(0, 11))] = low
    return DepthMap(values.reshape(3, 4), kind, "a_network")


def metres(*values: float) -> DepthMap:
    return DepthMap(np.array([values], np.float32), METRIC, "a_network")


def read(data: bytes, kind: DepthKind | None = None, invalid: Invalid | None = None) -> DepthMap:
    file = read_depth_file(data, MOST, lambda picture: decode_grey(picture, MOST))
    return depth_map_of(file, DepthMeaning(kind, invalid=invalid), INVERSE)


def expected(depth: DepthMap, format: OutputFormat) -> np.ndarray:
    if format is not OutputFormat.MM16:
        return depth.values
    # ROS's 16UC1 has no infinity, and ends at 65.535 m.
    told = np.rint(depth.values * np.float32(1000)) <= 65535
    return np.where(told, depth.values, np.nan)


@pytest.mark.parametrize("format", READ)
@settings(max_examples=60)
@given(depth=maps())
@example(depth=metres(0.3, 999.999, np.inf))
@example(depth=metres(0.3, 1999, 2000, np.inf, np.nan))
@example(depth=metres(2000, 2000, np.inf))
@example(depth=metres(5, np.nan))
@example(depth=metres(5, 5))
def test_what_the_service_wrote_it_reads(format: OutputFormat, depth: DepthMap) -> None:
    if FORMATS[format].metric_only and depth.kind is not METRIC:
        with pytest.raises(InvalidParameter, match="metres"):
            encode(depth, format, OPTIONS)
        return
    written = encode(depth, format, OPTIONS)
    right = expected(depth, format)
    kind = depth.kind if format in SILENT else None
    if np.isnan(right).all():
        with pytest.raises(InvalidParameter, match="no reading"):
            read(written, kind)
        return
    if format in SILENT and kind is not METRIC and not depth.is_whole:
        with pytest.raises(InvalidParameter, match="finite"):
            read(written, kind)
        return
    back = read(written, kind)
    assert back.kind is depth.kind
    assert np.array_equal(np.isnan(back.values), np.isnan(right))
    assert np.array_equal(np.isinf(back.values), np.isinf(right))
    finite = np.isfinite(right)
    step = STEPS[format](depth) if format in STEPS else 0.0
    error = np.abs(back.values[finite] - right[finite]).max()
    # Beside half a step what float32 rounds.
    assert error <= step / 2 + (4e-7 * np.abs(right[finite]).max() if step else 0)


@st.composite
def maps_with_zeros(draw: st.DrawFn) -> DepthMap:
    """Maps of every kind, some of whose pixels are 0: in the middle or at either end."""
    kind = draw(st.sampled_from(DepthKind))
    low, high = draw(st.floats(0.01, 500)), draw(st.floats(0.01, 500))
    ends = (low, low + high)
    if kind is not METRIC:
        ends = draw(st.sampled_from([ends, (-low, high), (-low - high, -low), (-low, low)]))
    values = np.linspace(*ends, 12, dtype=np.float32)
    values[draw(st.lists(st.booleans(), min_size=12, max_size=12))] = 0
    values[draw(st.integers(0, 11))] = ends[1]
    return DepthMap(values.reshape(3, 4), kind, "a_network")


# A format of metres alone is written without 0, which no metres of the service are.
@pytest.mark.parametrize("format", [one for one in READ if not FORMATS[one].metric_only])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("invalid", [None, *Invalid])
@settings(max_examples=60)
@given(depth=maps_with_zeros(), gaps=st.booleans())
@example(depth=DepthMap(np.array([[-1, 0, 1]], np.float32), INVERSE, "a_network"), gaps=False)
def test_a_zero_means_the_same_in_every_format(
    format: OutputFormat, invert: bool, invalid: Invalid | None, depth: DepthMap, gaps: bool
) -> None:
    if gaps and (format not in SILENT or depth.kind is METRIC):
        depth = depth.replaced(np.vstack([depth.values, np.full_like(depth.values[:1], np.nan)]))
    written = encode(depth, format, EncodeOptions(invert=invert))
    kind = depth.kind if format in SILENT else None
    zero_is_gap = invalid is Invalid.ZERO or (invalid is None and depth.kind is METRIC)
    zeros = depth.values == 0
    if depth.kind is METRIC and not zero_is_gap and zeros.any():
        with pytest.raises(InvalidParameter, match="above 0"):
            read(written, kind, invalid)
        return
    back = read(written, kind, invalid)
    no_reading = np.isnan(depth.values) | (zeros if zero_is_gap else False)
    wrong = np.isnan(back.values) != no_reading
    step = STEPS[format](depth) if format in STEPS else 0.0
    # What rounds to the level of 0 cannot be told from it.
    assert not wrong[~(np.abs(depth.values) <= 1.02 * step)].any()
    assert np.isnan(back.values[no_reading]).all()
    finite = np.isfinite(back.values)
    error = np.abs(back.values[finite] - depth.values[finite]).max()
    assert error <= step / 2 + (4e-7 * np.abs(depth.values[finite]).max() if step else 0)


def test_small_metres_beside_far_ones_are_no_zeros() -> None:
    """A level is 15 mm, the nearest reading 1 mm."""
    for depth in (metres(0.001, 999), metres(0.001, 999, np.nan)):
        back = read(encode(depth, OutputFormat.DEPTH16))
        assert np.array_equal(np.isnan(back.values), np.isnan(depth.values))


@pytest.mark.parametrize("format", sorted(NOT_READ))
def test_others_are_refused_and_not_read_as_something_else(format: OutputFormat) -> None:
    with pytest.raises(DepthError) as caught:
        read(encode(metres(1, 2, 3), format, OPTIONS), METRIC)
    assert caught.value.status in (415, 422)


def test_a_grey_heatmap_is_read_as_the_nearness_that_it_shows() -> None:
    depth = DepthMap(np.geomspace(0.5, 90, 12, dtype=np.float32).reshape(3, 4), METRIC, "a_network")
    options = EncodeOptions(colormap=Colormap.GRAY, palette=False)
    back = read(encode(depth, OutputFormat.HEATMAP, options))
    assert back.kind is INVERSE
    nearness = (1 / depth.values - 1 / 90) / (1 / 0.5 - 1 / 90)
    assert np.abs(back.values / 255 - nearness).max() <= 0.501 / 255
