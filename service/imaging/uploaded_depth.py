"""A depth map that a client sends along: its numbers in a file, and what they mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter
from service.imaging.depth_description import (
    DepthDescription,
    NumbersDescription,
    numbers_description,
    read_description,
)
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap
from service.imaging.files import formats
from service.imaging.files.exr import SIGNATURE as _EXR
from service.imaging.files.exr import exr_size, exr_text
from service.imaging.files.formats import signatures
from service.imaging.files.tiff import tiff_bits, tiff_size, tiff_text
from service.imaging.limits import too_many_pixels
from service.imaging.npy import Numbers, read_npy
from service.imaging.tiles import finer
from service.imaging.transforms import InputRule, Interpolation

LARGEST_VALUE = 1e12
"""Most that a number may be away from 0: squares of it must stay finite."""

ASPECT_TOLERANCE = 0.02

_SMALLEST_SPAN = 1e-12
_OUT_OF_RANGE = (
    f"depth: numbers must be from {-LARGEST_VALUE:g} to {LARGEST_VALUE:g}, and their range 0 or at "
    f"least {_SMALLEST_SPAN:g}."
)
_FARTHEST_UNASKED = 100.0
_PNG, _JPEG, _TIFF = map(signatures, (formats.PNG, formats.JPEG, formats.TIFF))
_PNG_BITS_AT = 24


class Invalid(StrEnum):
    """Which number of a file is no reading; NaN always is."""

    ZERO = "0"
    NONE = "none"


@dataclass(frozen=True)
class DepthMeaning:
    """What a client says of the numbers in its file.

    ``scale``: how many of them are a metre. What is None follows from the file, and the kind else
    from the network that is named.
    """

    kind: DepthKind | None = None
    scale: float | None = None
    invalid: Invalid | None = None


@dataclass(frozen=True)
class DepthFile:
    """The numbers of a file ``(h, w)``, and what it says of them.

    ``is_picture``: at most 8 bits deep, so a picture of nearness. ``is_whole``: of whole numbers.
    """

    numbers: Numbers
    is_picture: bool
    is_whole: bool
    description: DepthDescription | NumbersDescription | None = None


def is_picture_file(data: bytes) -> bool:
    """Whether they are a PNG, JPEG, TIFF or OpenEXR, by their signature; else they must be NPY."""
    return data.startswith((*_PNG, *_JPEG, *_TIFF, _EXR))


def count_floats(data: bytes, max_pixels: int) -> int | None:
    """Pixels of a TIFF or OpenEXR, by its header, None for other files.

    Raises :class:`PayloadTooLarge`, and the errors of :func:`tiff_size` and :func:`exr_size`.
    """
    if not data.startswith((*_TIFF, _EXR)):
        return None
    width, height = (exr_size if data.startswith(_EXR) else tiff_size)(data)
    if width * height > max_pixels:
        raise too_many_pixels("depth map", width, height, max_pixels)
    return width * height


def read_depth_file(
    data: bytes, max_pixels: int, decode_grey: Callable[[bytes], NDArray[np.float32]]
) -> DepthFile:
    """The numbers of a file; ``decode_grey`` decodes pictures.

    Raises its errors, those of :func:`read_npy`, and :class:`InvalidParameter` for a description
    that cannot be true.
    """
    if not is_picture_file(data):
        numbers = read_npy(data, max_pixels)
        return DepthFile(numbers, False, np.issubdtype(numbers.dtype, np.integer))
    description = _description(data)
    levels = decode_grey(data)
    shallow = _is_shallow(data)
    if description is not None and shallow:
        raise InvalidParameter("depth: the file describes 16-bit levels or floats, and has 8 bits.")
    return DepthFile(levels, shallow, bool((levels == np.rint(levels)).all()), description)


def _is_shallow(data: bytes) -> bool:
    """Whether a picture's samples have 8 bits or fewer, by its header."""
    if data.startswith(_PNG):
        return data[_PNG_BITS_AT : _PNG_BITS_AT + 1] != b"\x10"
    return data.startswith(_JPEG) or (data.startswith(_TIFF) and tiff_bits(data) <= 8)


def _description(data: bytes) -> DepthDescription | NumbersDescription | None:
    if data.startswith(_PNG):
        return read_description(data)
    if data.startswith(_EXR):
        return numbers_description(exr_text(data))
    return numbers_description(tiff_text(data)) if data.startswith(_TIFF) else None


def depth_map_of(file: DepthFile, meaning: DepthMeaning, network_kind: DepthKind) -> DepthMap:
    """The depth map that a file is; between its numbers none are made up.

    ``network_kind`` is that of the network that is named. Raises :class:`InvalidParameter` for
    numbers that cannot be that kind, and, asking for the scale, where it decides what they are.
    """
    described = file.description
    kind = meaning.kind or (described.kind if described else None)
    kind = kind or (DepthKind.RELATIVE_INVERSE_DEPTH if file.is_picture else network_kind)
    metric = kind is DepthKind.METRIC_DEPTH
    if described is not None:
        if kind is not described.kind:
            raise InvalidParameter(f"depth_kind: the file says that it is {described.kind}.")
        if meaning.scale is not None:
            raise InvalidParameter("depth_scale: the file says itself what its numbers mean.")
    invalid = meaning.invalid or (Invalid.ZERO if metric else Invalid.NONE)
    if isinstance(described, DepthDescription):
        levels = file.numbers.astype(np.uint16)
        values = described.values(levels, zero_is_gap=invalid is Invalid.ZERO)
    else:
        if meaning.scale is not None and not metric:
            raise InvalidParameter("depth_scale: it is of metric depth (depth_kind=metric_depth).")
        # A description says that NaN is meant; without one it is a mistake of some computation.
        wrong = np.isinf(file.numbers) if described else ~np.isfinite(file.numbers)
        if not metric and wrong.any():
            raise InvalidParameter("depth: relative depth must hold finite numbers only.")
        values = _read(file.numbers, invalid, meaning.scale or 1.0)
        if metric and meaning.scale is None and described is None:
            _check_unscaled(file, values)
    _check_readings(values)
    if metric and np.nanmin(values) <= 0:
        raise InvalidParameter(
            "depth: metres must be above 0; with invalid=0, the default, 0 is no reading."
        )
    return DepthMap(values, kind, UPLOADED, Interpolation.NEAREST)


@dataclass(frozen=True)
class MapSizes:
    """The sizes of the maps that a network gives, which are to ``enlarge``.

    ``asked`` is its rule at the resolution that was asked for, ``rules`` are those of all. With
    ``is_sure`` the file itself says that it is that network's.
    """

    asked: InputRule
    rules: Iterable[InputRule]
    enlarge: Interpolation
    is_sure: bool = False

    def has(self, size: tuple[int, int], width: int, height: int) -> bool:
        """Whether a map of a photo of ``width`` times ``height`` pixels may have this size."""
        return any(
            size in (rule.map_size(width, height), finer(rule).map_size(width, height))
            for rule in self.rules
        )


def fitted_to_photo(depth: DepthMap, width: int, height: int, network: MapSizes) -> DepthMap:
    """The map as one of a photo of this size.

    Raises :class:`InvalidParameter` unless its shape is the photo's within 2%, or its size one that
    the network gives. Relative depth is the network's, which is to be enlarged, if it has the size
    asked for, or another of the network's that cannot be a client's own map: the file says whose
    it is, or its shape is not the photo's.
    """
    size = depth.width, depth.height
    stretch = depth.width * height / (depth.height * width)
    is_similar = abs(math.log(stretch)) <= math.log1p(ASPECT_TOLERANCE)
    of_the_network = size == network.asked.map_size(width, height)
    if not of_the_network and (network.is_sure or not is_similar):
        of_the_network = network.has(size, width, height)
    if not is_similar and not of_the_network:
        raise InvalidParameter(
            f"depth: the map is {depth.width}x{depth.height} and the photo, upright, "
            f"{width}x{height}; their aspect ratios must agree within 2%, or the map's size be "
            "one that the network named by model gives for this photo, at any of its resolutions "
            "or twice that (detail=high)."
        )
    if of_the_network and depth.kind is not DepthKind.METRIC_DEPTH:
        return dataclasses.replace(depth, enlarge=network.enlarge)
    return depth


def _read(numbers: Numbers, invalid: Invalid, scale: float) -> NDArray[np.float32]:
    # Divided in float64: whole numbers of 32 bits have more digits than float32.
    with np.errstate(over="ignore"):
        values = (numbers if scale == 1 else numbers / np.float64(scale)).astype(np.float32)
    if (np.isinf(values) & np.isfinite(numbers)).any():
        raise InvalidParameter(_OUT_OF_RANGE)
    values[np.isneginf(values)] = np.nan
    if invalid is Invalid.ZERO:
        values[numbers == 0] = np.nan
    return values


def _check_unscaled(file: DepthFile, values: NDArray[np.float32]) -> None:
    finite = values[np.isfinite(values)]
    far = finite.size > 0 and float(np.median(finite)) > _FARTHEST_UNASKED
    if file.is_picture or (file.is_whole and far):
        raise InvalidParameter(
            "depth_scale: say how many levels of this file are a metre, such as 1000 for the "
            "millimetres of ROS's 16UC1 and RealSense; 1 if they are metres."
        )


def _check_readings(values: NDArray[np.float32]) -> None:
    finite = values[np.isfinite(values)]
    if np.isnan(values).all():
        raise InvalidParameter("depth: the map has no reading at all.")
    if not finite.size:
        return
    low, high = float(finite.min()), float(finite.max())
    if max(-low, high) > LARGEST_VALUE or 0 < high - low < _SMALLEST_SPAN:
        raise InvalidParameter(_OUT_OF_RANGE)
