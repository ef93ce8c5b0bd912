from __future__ import annotations

import base64
import io
import json
import math

import cv2
import numpy as np
import pytest
from PIL import Image

from service.errors import InvalidParameter
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import MAX_METRES, DepthMap
from service.imaging.encode import EncodeOptions, JsonEncoding
from service.imaging.formats import OutputFormat, encode
from service.imaging.render import Colormap, Normalization, heat_indices, nearness, palette

INVERSE = DepthKind.RELATIVE_INVERSE_DEPTH


def ramp(kind: DepthKind = INVERSE, scale: float = 1.0) -> DepthMap:
    values = np.linspace(1, 5, 48 * 64, dtype=np.float32).reshape(48, 64) * np.float32(scale)
    return DepthMap(values, kind, "test")


def flat(value: float) -> DepthMap:
    return DepthMap(np.full((4, 6), value, np.float32), INVERSE, "test")


def test_nearness_grows_towards_the_viewer_for_every_kind() -> None:
    corners = {kind: heat_indices(ramp(kind))[[0, -1], [0, -1]].tolist() for kind in DepthKind}
    assert corners == {
        DepthKind.RELATIVE_INVERSE_DEPTH: [0, 255],
        DepthKind.RELATIVE_DEPTH: [255, 0],
        DepthKind.METRIC_DEPTH: [255, 0],
    }


def test_nearness_of_metric_depth_is_proportional_to_inverse_depth() -> None:
    depth = DepthMap(np.array([[1.0, 2.0, 4.0]], np.float32), DepthKind.METRIC_DEPTH, "test")
    assert heat_indices(depth).tolist() == [[255, 85, 0]]


def test_a_flat_map_is_all_far() -> None:
    for normalization in Normalization:
        assert not heat_indices(flat(3.0), normalization).any()
        assert not nearness(flat(3.0), normalization).any()


@pytest.mark.parametrize("kind", DepthKind)
@pytest.mark.parametrize("normalization", Normalization)
def test_nearness_is_what_the_heatmap_shows_before_rounding(
    kind: DepthKind, normalization: Normalization
) -> None:
    values = nearness(ramp(kind), normalization)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == (0, 1)
    shown = heat_indices(ramp(kind), normalization)
    assert np.abs(values * 255 - shown).max() <= 0.51


def test_percentile_normalization_ignores_outliers() -> None:
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, 0], values[0, 1] = 1000, -1000
    depth = DepthMap(values, INVERSE, "test")
    assert heat_indices(depth, Normalization.MINMAX)[50, 50] == 128
    assert heat_indices(depth, Normalization.MINMAX)[99, 99] == 128
    steady = heat_indices(depth, Normalization.PERCENTILE)
    assert steady[0, :2].tolist() == [255, 0]
    assert abs(int(steady[50, 50]) - 128) <= 5
    assert steady[99, 99] == 255


@pytest.mark.parametrize("kind", DepthKind)
def test_percentiles_are_of_nearness_from_far_to_near(kind: DepthKind) -> None:
    shown = heat_indices(ramp(kind), Normalization.PERCENTILE, (10, 75))
    assert (shown == 0).mean() == pytest.approx(0.10, abs=0.01)
    assert (shown == 255).mean() == pytest.approx(0.25, abs=0.01)
    whole = heat_indices(ramp(kind), Normalization.PERCENTILE, (0, 100))
    assert np.array_equal(whole, heat_indices(ramp(kind)))


@pytest.mark.parametrize("palette", [True, False])
def test_an_inverted_heatmap_has_near_black(palette: bool) -> None:
    plain, inverted = (
        np.asarray(
            Image.open(
                io.BytesIO(
                    encode(
                        ramp(),
                        OutputFormat.HEATMAP,
                        EncodeOptions(Colormap.GRAY, invert=invert, palette=palette),
                    )
                )
            ).convert("L")
        )
        for invert in (False, True)
    )
    assert inverted[-1, -1] == 0
    assert np.array_equal(inverted, 255 - plain)


def test_heat_indices_round_to_nearest() -> None:
    values = np.array([[0.0, 0.4, 0.6, 100.4, 255.0]], np.float32)
    assert heat_indices(DepthMap(values, INVERSE, "test")).tolist() == [[0, 0, 1, 100, 255]]


@pytest.mark.parametrize("colormap", Colormap)
def test_heatmap_is_the_opencv_colour_map(colormap: Colormap) -> None:
    png = encode(ramp(), OutputFormat.HEATMAP, EncodeOptions(colormap=colormap))
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    indices = heat_indices(ramp())
    if colormap is Colormap.GRAY:
        expected = np.repeat(indices[..., None], 3, axis=2)
    else:
        bgr = cv2.applyColorMap(indices, getattr(cv2, f"COLORMAP_{colormap.name}"))
        expected = np.asarray(bgr[..., ::-1], dtype=np.uint8)
    assert np.array_equal(picture, expected)


def test_heatmap_as_rgb_is_the_same_picture() -> None:
    indexed, rgb = (
        Image.open(io.BytesIO(encode(ramp(), OutputFormat.HEATMAP, EncodeOptions(palette=palette))))
        for palette in (True, False)
    )
    assert (indexed.mode, rgb.mode) == ("P", "RGB")
    assert np.array_equal(np.asarray(indexed.convert("RGB")), np.asarray(rgb))


def test_inferno_is_black_far_and_bright_near() -> None:
    colours = np.frombuffer(palette(Colormap.INFERNO), np.uint8).reshape(256, 3)
    assert colours[0].sum() < 10
    assert colours[255].sum() > 600


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_depth16_gives_the_values_back(scale: float) -> None:
    depth = ramp(scale=scale)
    png = encode(depth, OutputFormat.DEPTH16)
    pixels = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    assert pixels.dtype == np.uint16
    low, high = depth.values.min(), depth.values.max()
    restored = low + pixels / 65535 * (high - low)
    assert np.abs(restored - depth.values).max() <= 0.51 * (high - low) / 65535


def test_depth16_of_a_flat_map_is_zero() -> None:
    png = encode(flat(7.0), OutputFormat.DEPTH16)
    pixels = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    assert not pixels.any()


def test_npy_gives_the_values_back() -> None:
    array = np.load(io.BytesIO(encode(ramp(), OutputFormat.NPY)))
    assert array.dtype == np.dtype("<f4")
    assert np.array_equal(array, ramp().values)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_json_numbers_keep_five_digits_of_the_range(scale: float) -> None:
    depth = ramp(scale=scale)
    body = json.loads(encode(depth, OutputFormat.JSON))
    assert (body["width"], body["height"]) == (64, 48)
    assert (body["kind"], body["unit"]) == ("relative_inverse_depth", None)
    numbers = np.array(body["depth"])
    assert numbers.shape == (48, 64)
    step = 10.0 ** (math.floor(math.log10(np.ptp(depth.values))) - 4)
    assert np.abs(numbers - depth.values).max() <= 0.55 * step


def test_json_base64() -> None:
    options = EncodeOptions(encoding=JsonEncoding.BASE64)
    body = json.loads(encode(ramp(DepthKind.METRIC_DEPTH), OutputFormat.JSON, options))
    assert (body["encoding"], body["dtype"], body["byte_order"]) == ("base64", "float32", "little")
    assert body["unit"] == "metre"
    values = np.frombuffer(base64.b64decode(body["depth"]), "<f4").reshape(48, 64)
    assert np.array_equal(values, ramp().values)


def json_values(depth: DepthMap, encoding: JsonEncoding) -> np.ndarray:
    body = json.loads(encode(depth, OutputFormat.JSON, EncodeOptions(encoding=encoding)))
    if encoding is JsonEncoding.ARRAY:
        return np.array(body["depth"], np.float32)
    values = np.frombuffer(base64.b64decode(body["depth"]), "<f4")
    return values.reshape(body["height"], body["width"])


@pytest.mark.parametrize("encoding", JsonEncoding)
@pytest.mark.parametrize("farthest", [999.0, 1999.0])
def test_json_has_no_infinity_however_it_is_written(
    encoding: JsonEncoding, farthest: float
) -> None:
    values = np.array([[0.5, farthest, math.inf, math.nan]], np.float32)
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, "test")
    written = json_values(depth, encoding)
    assert np.array_equal(np.isnan(written), np.isnan(values))
    expected = [0.5, farthest, max(MAX_METRES, farthest)]
    # Five digits of the range.
    assert written[0, :3].tolist() == pytest.approx(expected, abs=0.1)
    assert written[0, 2] == pytest.approx(depth.reported_extent[1], abs=0.1)


def test_json_is_as_exact_beside_infinity_as_without() -> None:
    values = np.array([[0.51234, 0.50001, 1.4, math.inf]], np.float32)
    written = json_values(DepthMap(values, DepthKind.METRIC_DEPTH, "test"), JsonEncoding.ARRAY)
    assert written[0, :3].tolist() == pytest.approx([0.51234, 0.50001, 1.4], abs=1e-4)
    assert written[0, 3] == MAX_METRES


def test_json_of_a_flat_map() -> None:
    assert json.loads(encode(flat(0.0), OutputFormat.JSON))["depth"][0][0] == 0
    assert json.loads(encode(flat(2.5), OutputFormat.JSON))["depth"][3][5] == 2.5


def test_json_has_a_limit_that_says_what_to_do() -> None:
    options = EncodeOptions(max_json_pixels=48 * 64 - 1)
    with pytest.raises(InvalidParameter, match="npy"):
        encode(ramp(), OutputFormat.JSON, options)
