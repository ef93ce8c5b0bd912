"""Depth maps as bytes, a function for each of :data:`service.imaging.formats.FORMATS`."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import orjson

from service.errors import InvalidParameter
from service.imaging import png
from service.imaging.depth_description import NumbersDescription, describe
from service.imaging.depth_map import DepthMap
from service.imaging.files.exr import write_exr
from service.imaging.files.tiff import write_tiff
from service.imaging.render import (
    CENTRAL,
    Colormap,
    Normalization,
    Percentiles,
    heat_indices,
    palette,
)
from service.imaging.strips import in_strips
from service.imaging.transforms import DepthArray

_JSON_SIGNIFICANT_DIGITS = 5
# Temporaries of a whole 12 MP map take 70 ms to fill, of so many rows of it 28 ms.
_ROWS_IN_CACHE = 64


class JsonEncoding(StrEnum):
    """How the numbers are written inside JSON."""

    ARRAY = "array"
    BASE64 = "base64"


@dataclass(frozen=True)
class EncodeOptions:
    """Choices of the caller that only change how a depth map is written.

    ``percentiles`` are the colours' ends where ``normalization`` is by them. ``invert``: a
    heatmap's colours and the levels of a 16-bit PNG run the other way.
    """

    colormap: Colormap = Colormap.INFERNO
    normalization: Normalization = Normalization.MINMAX
    percentiles: Percentiles = CENTRAL
    invert: bool = False
    palette: bool = True
    encoding: JsonEncoding = JsonEncoding.ARRAY
    max_json_pixels: int = 4_000_000
    facts: Mapping[str, object] = field(default_factory=dict)
    """More fields of the JSON."""
    camera_info: Mapping[str, object] | None = None
    """ROS's CameraInfo for the map."""


def encode_heatmap(depth: DepthMap, options: EncodeOptions) -> bytes:
    """PNG of the nearness: a palette of 256 colours, or the same picture as RGB.

    The palette takes about half the bytes and half the time. What has no reading is black, for
    which the palette has no place to spare.
    """
    indices = heat_indices(depth, options.normalization, options.percentiles)
    if options.invert:
        np.subtract(255, indices, out=indices)
    colours = palette(options.colormap)
    has_gaps = not (depth.is_whole or depth.valid.all())
    if options.palette and not has_gaps:
        return png.encode_indexed(indices, colours)
    picture = np.frombuffer(colours, np.uint8).reshape(256, 3)[indices]
    if has_gaps:
        picture[~depth.valid] = 0
    return png.encode_rgb(picture)


def encode_depth16(depth: DepthMap, options: EncodeOptions) -> bytes:
    """16-bit greyscale PNG: ``value = min + pixel / 65535 * (max - min)`` of the depth map.

    Its text chunks say so (:mod:`service.imaging.depth_description`). Infinity is
    :data:`service.imaging.depth_map.MAX_METRES`; 0 is no reading where there are any. Inverted,
    min is the larger.
    """
    written = depth.without_infinity
    values, (low, high) = written.values, written.extent
    description = describe(written)
    if written is not depth:
        description = dataclasses.replace(description, beyond=high)
    first = 0 if description.invalid is None else 1
    scale = (65535 - first) / (high - low) if high > low else 0.0
    if options.invert:
        description = description.inverted
    pixels = np.empty(values.shape, np.uint16)

    def quantise(first_row: int, end: int) -> None:
        for top in range(first_row, end, _ROWS_IN_CACHE):
            rows = slice(top, min(top + _ROWS_IN_CACHE, end))
            levels = values[rows] - np.float32(low)
            levels *= np.float32(scale)
            np.rint(levels, out=levels)
            if options.invert:
                np.subtract(65535 - first, levels, out=levels)
            if first:
                levels = np.nan_to_num(levels + np.float32(first), copy=False, nan=0)
            pixels[rows] = levels.clip(0, 65535, out=levels)

    in_strips(values.shape, quantise)
    return png.encode_grey16(pixels, description.text())


def encode_npy(depth: DepthMap, options: EncodeOptions) -> bytes:
    """NumPy's NPY format, little-endian float32 ``(height, width)``, NaN for no reading."""
    values = depth.values.astype("<f4", copy=False)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    return b"".join((header.getvalue(), values.data))


def encode_exr(depth: DepthMap, options: EncodeOptions) -> bytes:
    """OpenEXR, one channel ``Z`` of float32: NaN for no reading, infinity beyond reach.

    Raises :class:`InvalidParameter` where the package is missing.
    """
    return write_exr(depth.values, NumbersDescription(depth.kind, depth.model).text())


def encode_tiff(depth: DepthMap, options: EncodeOptions) -> bytes:
    """TIFF of float32: NaN for no reading, infinity beyond reach."""
    return write_tiff(depth.values, NumbersDescription(depth.kind, depth.model).text())


def encode_json(depth: DepthMap, options: EncodeOptions) -> bytes:
    """``{model, kind, unit, note, width, height, encoding, depth}``.

    With base64, ``depth`` is a string of little-endian float32 rows, and ``dtype`` and
    ``byte_order`` say so; NaN is no reading.
    Array numbers are rounded to five significant digits of the readings' range; null is no reading.
    In both, infinity is :data:`service.imaging.depth_map.MAX_METRES`, or just beyond the farthest.
    """
    if depth.width * depth.height > options.max_json_pixels:
        raise InvalidParameter(
            f"A {depth.width}x{depth.height} depth map is too large for JSON (the limit is "
            f"{options.max_json_pixels} pixels). Ask for format=npy or size=network."
        )
    body: dict[str, object] = {
        "model": depth.model,
        "kind": depth.kind,
        "unit": depth.kind.unit,
        "note": depth.kind.note,
        "width": depth.width,
        "height": depth.height,
        **options.facts,
    }
    # JSON has no infinity, and both encodings are the same numbers.
    written = depth.without_infinity
    if options.encoding is JsonEncoding.BASE64:
        body |= {
            "encoding": "base64",
            "dtype": "float32",
            "byte_order": "little",
            "depth": base64.b64encode(np.ascontiguousarray(written.values, "<f4").data).decode(),
        }
    else:
        body |= {"encoding": "array", "depth": _rounded(written.values, depth.extent)}
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _rounded(values: DepthArray, extent: tuple[float, float]) -> DepthArray:
    low, high = extent
    size = high - low or max(abs(low), abs(high)) or 1.0
    # Nothing to round where there is no reading at all.
    decimals = 0 if math.isnan(size) else math.floor(math.log10(size))
    return np.round(values, _JSON_SIGNIFICANT_DIGITS - 1 - decimals)
