"""What the service writes it reads as the same numbers, in every format that it reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from service.imaging.decode import decode_grey
from service.imaging.depth_description import DepthDescription
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, OutputFormat, encode
from service.imaging.render import Colormap
from service.imaging.uploaded_depth import (
    DepthFile,
    DepthMeaning,
    depth_map_of,
    read_depth_file,
)

MOST_PIXELS = 10_000
METRIC = DepthKind.METRIC_DEPTH
# A picture for people, and text.
NO_NUMBERS = (OutputFormat.HEATMAP, OutputFormat.JSON)
NUMBERS = [name for name in FORMATS if name not in NO_NUMBERS]


def read(data: bytes) -> DepthFile:
    return read_depth_file(data, MOST_PIXELS, lambda picture: decode_grey(picture, MOST_PIXELS))


def error_allowed(file: DepthFile, values: NDArray[np.float32]) -> float:
    """Half a level where the file says what levels mean, and what float32 rounds; else nothing."""
    if not isinstance(file.description, DepthDescription):
        return 0.0
    level = (file.description.high - file.description.low) / 65535
    return 0.501 * level + 3e-7 * float(np.abs(values).max(initial=0))


@pytest.mark.parametrize("format", NUMBERS)
@given(
    kind=st.sampled_from(DepthKind),
    values=arrays(np.float32, (5, 7), elements=st.floats(0.125, 990, width=32)),
    scale=st.sampled_from([1.0, 0.01, 1e-3]),
    holes=arrays(np.bool_, (5, 7)),
    skies=arrays(np.bool_, (5, 7)),
)
def test_a_map_that_is_sent_back_is_the_same(
    format: OutputFormat,
    kind: DepthKind,
    values: NDArray[np.float32],
    scale: float,
    holes: NDArray[np.bool_],
    skies: NDArray[np.bool_],
) -> None:
    values *= np.float32(scale)
    if kind is METRIC:
        values[skies] = np.inf
    else:
        values[skies] *= -1
    # In an NPY file, which says nothing of itself, NaN in relative depth is refused.
    if kind is METRIC or format is not OutputFormat.NPY:
        values[holes] = np.nan
    if not np.isfinite(values).any():
        values[0, 0] = 1
    file = read(encode(DepthMap(values, kind, "some_network"), format))
    # What says itself what it is needs no words; of others X-Depth-Kind tells it.
    back = depth_map_of(file, DepthMeaning(None if file.description else kind), kind)
    finite = np.isfinite(values)
    assert back.kind is kind
    assert np.array_equal(np.isnan(back.values), np.isnan(values))
    assert np.array_equal(np.isposinf(back.values), np.isposinf(values))
    off = np.abs(back.values[finite].astype(np.float64) - values[finite])
    assert (off <= error_allowed(file, values[finite])).all()


def test_a_grey_heatmap_is_read_as_the_nearness_that_it_shows() -> None:
    metres = np.geomspace(0.5, 90, 12, dtype=np.float32).reshape(3, 4)
    options = EncodeOptions(colormap=Colormap.GRAY, palette=False)
    grey = encode(DepthMap(metres, METRIC, "some_network"), OutputFormat.HEATMAP, options)
    back = depth_map_of(read(grey), DepthMeaning(), METRIC)
    assert back.kind is DepthKind.RELATIVE_INVERSE_DEPTH
    nearness = (1 / metres - 1 / 90) / (1 / 0.5 - 1 / 90)
    assert np.abs(back.values / 255 - nearness).max() <= 0.501 / 255
