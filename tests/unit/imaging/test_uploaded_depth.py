"""Depth maps of every program: read as what they are, or asked about."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from service.errors import DepthError, InvalidParameter, UndecodableImage
from service.imaging.decode import decode_grey
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import OutputFormat, encode
from service.imaging.render import Colormap, nearness
from service.imaging.uploaded_depth import DepthMeaning, Invalid, depth_map_of, read_depth_file

METRIC = DepthMeaning(DepthKind.METRIC_DEPTH)
INVERSE = DepthKind.RELATIVE_INVERSE_DEPTH
METRES = np.array([[0.45, 2.11, 3.0], [4.971, 7.5, 20.0]])


def read(data: bytes, meaning: DepthMeaning = METRIC, network: DepthKind = INVERSE) -> DepthMap:
    file = read_depth_file(data, 10_000, lambda picture: decode_grey(picture, 10_000))
    return depth_map_of(file, meaning, network)


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npz(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, depth=values)
    return buffer.getvalue()


def picture(values: np.ndarray, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format, **options)
    return buffer.getvalue()


MILLIMETRES = np.rint(METRES * 1000)
FILES = {
    "NPY of float16": (npy(METRES.astype(np.float16)), None),
    "NPY of float32": (npy(METRES.astype(np.float32)), None),
    "NPY of float64": (npy(METRES), None),
    "NPZ": (npz(METRES), None),
    "TIFF of float32": (picture(METRES.astype(np.float32), "TIFF"), None),
    "BigTIFF": (picture(METRES.astype(np.float32), "TIFF", big_tiff=True), None),
    "deflated TIFF": (picture(METRES.astype(np.float32), "TIFF", compression="tiff_lzw"), None),
    "PNG of millimetres": (picture(MILLIMETRES.astype(np.uint16)), 1000.0),
    "TIFF of millimetres": (picture(MILLIMETRES.astype(np.uint16), "TIFF"), 1000.0),
    "NPY of millimetres": (npy(MILLIMETRES.astype(np.uint16)), 1000.0),
    "NPY of many millimetres": (npy(MILLIMETRES.astype(np.int32)), 1000.0),
    "NPY of millimetres as Python counts": (npy(MILLIMETRES.astype(np.int64)), 1000.0),
    "NPY of unsigned millimetres": (npy(MILLIMETRES.astype(np.uint64)), 1000.0),
}


@pytest.mark.parametrize("name", FILES)
def test_metres_are_read_from_every_format(name: str) -> None:
    data, scale = FILES[name]
    depth = read(data, DepthMeaning(DepthKind.METRIC_DEPTH, scale))
    assert depth.kind is DepthKind.METRIC_DEPTH
    np.testing.assert_allclose(depth.values, METRES, rtol=1e-3 if "float16" in name else 1e-6)


@pytest.mark.parametrize("name", [name for name in FILES if "millimetres" in name])
def test_whole_numbers_that_are_no_metres_are_asked_about(name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"depth_scale: .*1000"):
        read(FILES[name][0])
    # Who says that they are metres is believed.
    assert read(FILES[name][0], DepthMeaning(DepthKind.METRIC_DEPTH, 1.0)).extent[1] == 20_000


def test_far_metres_of_floating_point_are_metres() -> None:
    assert read(npy(np.full((2, 2), 120.0))).extent == (120, 120)
    assert read(npy(np.full((2, 2), 100, np.uint16))).extent == (100, 100)


@pytest.mark.parametrize("gap", [0, np.nan, -np.inf])
def test_no_reading_is_no_reading(gap: float) -> None:
    values = METRES.copy()
    values[0, 0] = gap
    depth = read(npy(values))
    assert np.isnan(depth.values[0, 0])
    assert depth.extent == pytest.approx((2.11, 20))
    whole = DepthMap(METRES[:, 1:].astype(np.float32), DepthKind.METRIC_DEPTH, "test")
    assert np.array_equal(nearness(depth)[:, 1:], nearness(whole))


def test_infinity_is_farther_than_the_sensor_tells() -> None:
    values = METRES.copy()
    values[0, 0] = np.inf
    assert read(npy(values)).has_infinity


def test_nothing_but_infinity_is_a_reading() -> None:
    """Of an open sky; what the service says of its distance are numbers."""
    sky = read(npy(np.full_like(METRES, np.inf)))
    assert sky.has_infinity
    assert sky.reported_extent == (1000, 1000)
    with pytest.raises(InvalidParameter, match="from 1000 to 1000"):
        sky.limited(None, 3)


def test_0_may_be_a_gap_of_relative_depth_and_is_not_unless_said() -> None:
    levels = np.array([[0, 3, 9]], np.uint16)
    assert read(npy(levels), DepthMeaning(INVERSE)).is_whole
    gaps = read(npy(levels), DepthMeaning(INVERSE, invalid=Invalid.ZERO))
    assert gaps.valid.tolist() == [[False, True, True]]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_a_grey_picture_is_nearness(format: str) -> None:
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1))
    for pixels in (grey, np.repeat(grey[..., np.newaxis], 3, axis=2)):
        depth = read(picture(pixels, format), DepthMeaning(), DepthKind.METRIC_DEPTH)
        assert depth.kind is INVERSE
        assert np.abs(depth.values - grey).max() <= 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_same_pixels_mean_the_same_in_a_png_and_a_tiff(dtype: type[np.unsignedinteger]) -> None:
    levels = np.arange(1, 91, dtype=dtype).reshape(9, 10)
    for meaning in (DepthMeaning(), DepthMeaning(scale=100.0, kind=DepthKind.METRIC_DEPTH)):
        for network in DepthKind:
            png, tiff = (read(picture(levels, one), meaning, network) for one in ("PNG", "TIFF"))
            assert png.kind is tiff.kind
            assert np.array_equal(png.values, tiff.values)


def test_a_description_of_floats_in_8_bits_is_refused() -> None:
    """A program that knows nothing of it has left it there."""
    text = {"Depth-Kind": "metric_depth", "Depth-Unit": "metre"}
    for dtype, refused in ((np.uint8, True), (np.float32, False)):
        data = picture(np.ones((4, 4), dtype), "TIFF", tiffinfo={270: json.dumps(text)})
        if refused:
            with pytest.raises(InvalidParameter, match="has 8 bits"):
                read(data)
        else:
            assert read(data).extent == (1, 1)


def test_an_alpha_channel_that_hides_nothing_is_passed_over() -> None:
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1))
    opaque = np.full_like(grey, 255)
    hidden = opaque.copy()
    hidden[0, 0] = 254
    for colours in ([grey], [grey, grey, grey]):
        depth = read(picture(np.dstack([*colours, opaque])), DepthMeaning())
        assert np.array_equal(depth.values, grey)
        with pytest.raises(UndecodableImage, match="transparent"):
            read(picture(np.dstack([*colours, hidden])), DepthMeaning())


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_a_colour_that_is_transparent_is_none_of_the_depth(mode: str) -> None:
    """PNG has transparency without an alpha channel, too: of one colour, or of a palette's."""
    levels = np.repeat(np.arange(12, dtype=np.uint16), 5).reshape(6, 10)
    image = Image.fromarray(levels if mode == "I;16" else levels.astype(np.uint8))
    image = image if mode == "I;16" else image.convert(mode)
    there, elsewhere = {"RGB": ((0, 0, 0), (99, 99, 99)), "1": (0, None)}.get(mode, (0, 99))
    for hidden, refused in ((there, True), (elsewhere, False)):
        buffer = io.BytesIO()
        image.save(buffer, "PNG", **({} if hidden is None else {"transparency": hidden}))
        if refused:
            with pytest.raises(UndecodableImage, match="transparent"):
                read(buffer.getvalue(), DepthMeaning(INVERSE))
        else:
            assert read(buffer.getvalue(), DepthMeaning(INVERSE)).height == 6


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_of_colours_are_refused(suffix: str, channels: int) -> None:
    """Half of each number would be read."""
    levels = np.dstack([np.arange(0, 60_000, 500, dtype=np.uint16).reshape(10, 12)] * channels)
    levels[..., 3:] = 65535
    written = cv2.imencode(suffix, levels)[1].tobytes()
    with pytest.raises(UndecodableImage, match="16-bit grey"):
        read(written)


def test_a_picture_of_black_and_white_is_nearness() -> None:
    mask = np.eye(4, dtype=bool)
    assert np.array_equal(read(picture(mask), DepthMeaning()).values, mask * 255)


def test_the_services_own_grey_heatmap_is_read() -> None:
    depth = DepthMap(np.array([[1, 2, 5]], np.float32), INVERSE, "test")
    for palette in (True, False):
        options = EncodeOptions(colormap=Colormap.GRAY, palette=palette)
        back = read(encode(depth, OutputFormat.HEATMAP, options), DepthMeaning())
        assert back.values.tolist() == [[0, 64, 255]]


def test_colours_are_no_depth() -> None:
    depth = DepthMap(np.array([[1, 2, 5]], np.float32), INVERSE, "test")
    with pytest.raises(UndecodableImage, match="colours"):
        read(encode(depth, OutputFormat.HEATMAP), DepthMeaning())


def test_a_grey_picture_of_metres_is_asked_about() -> None:
    grey = picture(np.full((2, 2), 25, np.uint8))
    with pytest.raises(InvalidParameter, match="depth_scale"):
        read(grey)
    assert read(grey, DepthMeaning(DepthKind.METRIC_DEPTH, 10)).extent == (2.5, 2.5)


def described(**text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, value in text.items():
        info.add_text(f"Depth-{name}", value)
    return picture(np.array([[0, 65535]], np.uint16), pnginfo=info)


BAD = {
    "negative metres": (npy(-METRES), METRIC, "above 0"),
    "only zeros": (npy(np.zeros((2, 2))), METRIC, "no reading"),
    "only NaN": (npy(np.full((2, 2), np.nan)), METRIC, "no reading"),
    "only minus infinity": (npy(np.full((2, 2), -np.inf)), METRIC, "no reading"),
    "zeros that count": (
        npy(np.zeros((2, 2))),
        DepthMeaning(DepthKind.METRIC_DEPTH, invalid=Invalid.NONE),
        "above 0",
    ),
    "relative NaN": (npy(np.array([[1, np.nan]])), DepthMeaning(INVERSE), "finite"),
    "relative infinity": (npy(np.array([[1, np.inf]])), DepthMeaning(INVERSE), "finite"),
    "a finite number that is infinite in float32": (
        npy(np.array([[1, 1e300]])),
        METRIC,
        "from -1e",
    ),
    "huge": (npy(np.array([[1, 1e20]])), METRIC, "from -1e"),
    "a scale of relative depth": (npy(METRES), DepthMeaning(INVERSE, 1000), "depth_scale"),
    "a scale of a PNG that has one": (
        described(Kind="metric_depth", Unit="metre", Min="1", Max="2"),
        DepthMeaning(scale=1000),
        "depth_scale",
    ),
    "another kind than the PNG says": (
        described(Kind="relative_inverse_depth", Min="1", Max="2"),
        METRIC,
        "depth_kind",
    ),
    "a PNG that describes nonsense": (
        described(Kind="metric_depth", Unit="metre", Min="2", Max="one"),
        METRIC,
        "cannot be true",
    ),
    "negative metres by description": (
        described(Kind="metric_depth", Unit="metre", Min="-2", Max="1"),
        METRIC,
        "above 0",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_in_words(name: str) -> None:
    data, meaning, why = BAD[name]
    with pytest.raises(InvalidParameter, match=why):
        read(data, meaning)


def test_the_motorcycle_in_millimetres_with_gaps() -> None:
    data = (Path(__file__).parent / "moto_mm_holes.png").read_bytes()
    file = read_depth_file(data, 1 << 20, lambda picture: decode_grey(picture, 1 << 20))
    with pytest.raises(InvalidParameter, match="1000"):
        depth_map_of(file, METRIC, INVERSE)
    meaning = DepthMeaning(DepthKind.METRIC_DEPTH, 1000)
    depth = depth_map_of(file, meaning, INVERSE)
    assert 2.1 < depth.extent[0] < 2.2
    assert 4.9 < depth.extent[1] < 5.1
    assert 0 < (~depth.valid).mean() < 0.5
    assert (
        np.percentile(nearness(depth)[depth.valid], 99)
        - np.percentile(nearness(depth)[depth.valid], 1)
        > 0.5
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_tiffs_are_refused_by_name() -> None:
    good = picture(METRES.astype(np.float32), "TIFF")
    rng = np.random.default_rng(0)
    for _ in range(500):
        bad = bytearray(good[: rng.integers(8, len(good) + 1)])
        for _ in range(rng.integers(1, 4)):
            bad[rng.integers(4, len(bad))] = rng.integers(256)
        try:
            read(bytes(bad))
        except DepthError as error:
            assert error.status in (413, 415, 422)
