"""Depth in OpenEXR, with the ``OpenEXR`` package where it is installed (the extra ``exr``).

The header is read here, and bounded, before the package sees the file. Format: "OpenEXR File
Layout", openexr.com, which numbers the flags and the types of channels.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter, UndecodableImage, UnsupportedMediaType
from service.imaging.extra import Extra
from service.imaging.limits import too_many_pixels

SIGNATURE = b"v/1\1"
MEDIA_TYPE = "image/x-exr"
EXTRA = Extra("exr", "OpenEXR")

_VERSION, _LONG_NAMES = 2, 0x400
_LONGEST_NAME = 255
_MOST_ATTRIBUTES = 256
_HALF, _FLOAT = 1, 2
_LARGEST_CORNER = 1 << 30
# None to DWAB. Later ones hold whole files of other codecs, with sizes of their own.
_LAST_COMPRESSION = 9
_CHANNEL = struct.Struct("<iB3xii")
_WINDOW = struct.Struct("<4i")


@dataclass(frozen=True)
class _Box:
    """A window in pixels, both corners inside it."""

    left: int
    top: int
    right: int
    bottom: int


def is_exr_readable() -> bool:
    """Whether the package is installed."""
    return EXTRA.is_installed


def exr_size(data: bytes) -> tuple[int, int]:
    """Width and height of the one channel in the file, by its header.

    Raises :class:`UnsupportedMediaType` where the package is missing, and
    :class:`UndecodableImage` for anything but rows of one float channel that fill the picture.
    """
    if not is_exr_readable():
        raise UnsupportedMediaType(
            "OpenEXR depth needs the package OpenEXR on the server: `pip install '.[exr]'`. Or "
            "send it as NPY or as TIFF of float32."
        )
    try:
        attributes = _attributes(data)
        window, display = (_box(attributes[name]) for name in (b"dataWindow", b"displayWindow"))
        (compression,) = attributes[b"compression"]
        _check_channels(attributes[b"channels"])
    except (KeyError, ValueError, struct.error) as error:
        raise _damaged() from error
    if compression > _LAST_COMPRESSION:
        raise _unsupported("save it with ZIP compression")
    if window != display:
        raise _unsupported("its data window must be its display window")
    return window.right - window.left + 1, window.bottom - window.top + 1


def read_exr(data: bytes, max_pixels: int) -> NDArray[np.float32]:
    """The numbers of the one channel as they are stored, ``(h, w)`` float32.

    Raises as :func:`exr_size`, and :class:`PayloadTooLarge` past ``max_pixels``.
    """
    width, height = exr_size(data)
    if width * height > max_pixels:
        raise too_many_pixels("depth map", width, height, max_pixels)
    import OpenEXR

    try:
        # No threads: a decode process may not start any.
        file = OpenEXR.File(io.BytesIO(data), separate_channels=True, num_threads=0)
        (channel,) = file.channels().values()
        numbers = np.asarray(channel.pixels, np.float32)
    except Exception as error:  # What the package raises of damaged files is not documented.
        raise _damaged() from error
    if numbers.shape != (height, width):
        raise _damaged()
    return numbers


def exr_text(data: bytes) -> dict[str, str]:
    """The header's attributes as text, whatever type they are of.

    Raises :class:`UndecodableImage` for a header that cannot be read.
    """
    try:
        attributes = _attributes(data)
    except (ValueError, struct.error) as error:
        raise _damaged() from error
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in attributes.items()}


def write_exr(values: NDArray[np.float32], text: Mapping[str, str] | None = None) -> bytes:
    """One channel ``Z`` of float32 ``(h, w)``, compressed by ZIP; ``text`` goes into the header.

    Both windows are the picture's, from (0, 0). Raises :class:`InvalidParameter` where the package
    is missing.
    """
    if not is_exr_readable():
        raise InvalidParameter(f"exr {EXTRA.demand}")
    import OpenEXR

    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        **(text or {}),
    }
    buffer = io.BytesIO()
    OpenEXR.File(header, {"Z": np.ascontiguousarray(values, np.float32)}).write(buffer)
    return buffer.getvalue()


def _attributes(data: bytes) -> dict[bytes, bytes]:
    """The header's attributes by name; raises :class:`ValueError` for a damaged one."""
    (version,) = struct.unpack_from("<I", data, len(SIGNATURE))
    if version & ~_LONG_NAMES != _VERSION:
        raise _unsupported("only one part of scan lines is read, no tiles, parts or deep data")
    found: dict[bytes, bytes] = {}
    at = len(SIGNATURE) + 4
    for _ in range(_MOST_ATTRIBUTES):
        name, at = _name(data, at)
        if not name:
            return found
        _, at = _name(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        at += 4
        # Of an attribute that is there twice, readers disagree on which counts.
        if not 0 <= size <= len(data) - at or name in found:
            raise ValueError("no such attribute")
        found[name] = data[at : at + size]
        at += size
    raise ValueError("no end of the header")


def _name(data: bytes, at: int) -> tuple[bytes, int]:
    """The name at a place, and where it ends."""
    end = data.index(b"\0", at, at + _LONGEST_NAME + 1)
    return data[at:end], end + 1


def _box(value: bytes) -> _Box:
    box = _Box(*_WINDOW.unpack(value))
    if box.left > box.right or box.top > box.bottom:
        raise ValueError("an empty window")
    if max(map(abs, _WINDOW.unpack(value))) > _LARGEST_CORNER:
        raise ValueError("a window out of range")
    return box


def _check_channels(value: bytes) -> None:
    channels = list(_channels(value))
    if len(channels) != 1:
        raise _unsupported(f"it has {len(channels)} channels; send the depth alone")
    if channels[0] not in ((_HALF, 1, 1), (_FLOAT, 1, 1)):
        raise _unsupported("its channel must be of 16 or 32 bits floating point, for every pixel")


def _channels(value: bytes) -> Iterator[tuple[int, int, int]]:
    """Type and sampling in x and y of each channel."""
    at = 0
    while value[at : at + 1] != b"\0":
        _, at = _name(value, at)
        kind, _, across, down = _CHANNEL.unpack_from(value, at)
        yield kind, across, down
        at += _CHANNEL.size


def _unsupported(why: str) -> UndecodableImage:
    return UndecodableImage(f"The OpenEXR depth map cannot be read: {why}.")


def _damaged() -> UndecodableImage:
    return UndecodableImage("The OpenEXR depth map cannot be read: its data are damaged.")
