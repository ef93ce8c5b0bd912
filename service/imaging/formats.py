"""The representations of a depth map, a record each.

A format more is its encoder and an entry here; HTTP, the command line, bulk runs and the documents
read the records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.errors import InvalidParameter
from service.imaging import png
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import (
    EncodeOptions,
    encode_depth16,
    encode_exr,
    encode_heatmap,
    encode_json,
    encode_npy,
    encode_tiff,
)
from service.imaging.extra import Extra
from service.imaging.file_kind import FileKind
from service.imaging.files import exr, tiff
from service.imaging.render import Normalization
from service.imaging.ros import encode_mm16, encode_ros

# With copies of the map: its reciprocal, its metres, or what percentiles are taken of.
_MOST_BYTES_PER_PIXEL = 17.5


class OutputFormat(StrEnum):
    """Names of the formats."""

    HEATMAP = "heatmap"
    DEPTH16 = "depth16"
    JSON = "json"
    NPY = "npy"
    EXR = "exr"
    TIFF = "tiff"
    MM16 = "mm16"
    ROS = "ros"


@dataclass(frozen=True)
class FormatRecord:
    """How one format is written and asked for.

    ``summary`` completes "`name` ...". ``suffix`` is that of its files. A format that
    ``negotiates`` is chosen by ``Accept``; others share another's media type and have to be named.
    ``as_text`` are numbers as text, which are long: they are written at the network's size unless
    another is asked for. ``bytes_per_pixel`` is the most memory that a large map and its writing
    take for each pixel, where nothing is made of the map before. ``needs`` is a package that may
    be missing. ``metric_only``: other depth has no place in it. ``needs_camera``: it is written
    with :attr:`EncodeOptions.camera_info`. ``reads`` are parameters that only some formats read.
    """

    summary: str
    suffix: str
    media_type: str
    encode: Callable[[DepthMap, EncodeOptions], bytes]
    bytes_per_pixel: float
    negotiates: bool = True
    as_text: bool = False
    needs: Extra | None = None
    metric_only: bool = False
    needs_camera: bool = False
    reads: frozenset[str] = frozenset()

    @property
    def is_available(self) -> bool:
        """Whether it can be written here."""
        return self.needs is None or self.needs.is_installed

    def holds(self, kind: DepthKind) -> bool:
        """Whether depth of this kind has a place in it."""
        return kind is DepthKind.METRIC_DEPTH or not self.metric_only


FORMATS = {
    OutputFormat.HEATMAP: FormatRecord(
        *("colour PNG", ".png", png.MEDIA_TYPE, encode_heatmap, 7),
        reads=frozenset(
            {"colormap", "normalize", "low", "high", "invert", "palette", "near", "far"}
        ),
    ),
    OutputFormat.DEPTH16: FormatRecord(
        *("16-bit PNG", ".depth16.png", png.MEDIA_TYPE, encode_depth16, 13),
        negotiates=False,
        reads=frozenset({"invert"}),
    ),
    OutputFormat.JSON: FormatRecord(
        *("numbers as text", ".json", "application/json", encode_json, 22),
        as_text=True,
        reads=frozenset({"encoding"}),
    ),
    OutputFormat.NPY: FormatRecord("float32 array", ".npy", "application/x-npy", encode_npy, 8.5),
    OutputFormat.EXR: FormatRecord(
        "OpenEXR, one float32 channel `Z` (needs the extra `exr`)",
        *(".exr", exr.MEDIA_TYPE, encode_exr, 9),
        needs=exr.EXTRA,
    ),
    OutputFormat.TIFF: FormatRecord("TIFF of float32", ".tiff", tiff.MEDIA_TYPE, encode_tiff, 15),
    OutputFormat.MM16: FormatRecord(
        "16-bit PNG of millimetres, 0 for no reading or beyond 65.535 m: ROS's 16UC1 (metric depth "
        "only)",
        *(".mm16.png", png.MEDIA_TYPE, encode_mm16, 17.5),
        negotiates=False,
        metric_only=True,
    ),
    OutputFormat.ROS: FormatRecord(
        "ZIP of 32FC1, 16UC1 and `camera_info` (metric depth only)",
        *(".ros.zip", "application/zip", encode_ros, 26),
        metric_only=True,
        needs_camera=True,
        reads=frozenset({"fov", "intrinsics"}),
    ),
}

FILE_KINDS = tuple(
    FileKind(record.suffix, record.media_type, {"format": format})
    for format, record in FORMATS.items()
)


def readers() -> Mapping[str, Sequence[OutputFormat]]:
    """The formats that read a parameter, for each that not every format does."""
    names = set().union(*(record.reads for record in FORMATS.values()))
    return {
        name: [format for format, record in FORMATS.items() if name in record.reads]
        for name in names
    }


def check_available(format: OutputFormat) -> None:
    """Raise :class:`InvalidParameter`, naming it, where a package that it needs is missing."""
    record = FORMATS[format]
    if record.needs is not None and not record.is_available:
        raise InvalidParameter(f"{format} {record.needs.demand}")


def check_kind(format: OutputFormat, kind: DepthKind) -> None:
    """Raise :class:`InvalidParameter`, saying how to get metres, where they are needed."""
    if not FORMATS[format].holds(kind):
        raise InvalidParameter(metres_demand(format, kind))


def metres_demand(name: str, kind: DepthKind) -> str:
    """The sentences for who asks for metres, by a format's ``name``, of other depth."""
    return (
        f"{name} holds metres, and this depth is {kind}. Give anchors, points of known "
        "distance, or a calibration of the same scene, or choose a network whose kind is "
        "metric_depth."
    )


def writing_bytes_per_pixel(
    format: OutputFormat, kind: DepthKind, options: EncodeOptions, *, changed: bool
) -> float:
    """Most memory for each pixel of a large map of this kind, the map and its file included.

    ``changed``: it is limited, or brought to metres, before it is written.
    """
    usual = FORMATS[format].bytes_per_pixel
    is_plain = (
        kind is DepthKind.RELATIVE_INVERSE_DEPTH
        and options.normalization is Normalization.MINMAX
        and options.palette
        and not changed
    )
    return usual if is_plain else max(usual, _MOST_BYTES_PER_PIXEL)


def encode(depth: DepthMap, format: OutputFormat, options: EncodeOptions | None = None) -> bytes:
    """Write ``depth`` in a format.

    Raises :class:`InvalidParameter` for JSON of a map above ``max_json_pixels``, and as
    :func:`check_available` and :func:`check_kind`.
    """
    check_available(format)
    check_kind(format, depth.kind)
    return FORMATS[format].encode(depth, options or EncodeOptions())
