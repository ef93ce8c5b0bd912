"""Depth as ROS passes it on (REP 118): 32FC1 in metres, 16UC1 in millimetres, CameraInfo."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import orjson

from service.errors import InvalidParameter
from service.imaging import png
from service.imaging.archive import zip_of
from service.imaging.depth_description import DepthDescription
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions, encode_npy
from service.imaging.strips import in_strips

_MILLIMETRES_PER_METRE = 1000
_NO_READING, _SMALLEST, _LARGEST = 0, 1, 65535

METRES_FILE = PurePath("depth.npy")
MILLIMETRES_FILE = PurePath("depth_mm.png")
CAMERA_FILE = PurePath("camera_info.json")


def encode_mm16(depth: DepthMap, options: EncodeOptions) -> bytes:
    """16-bit grey PNG of millimetres, ROS's 16UC1, for metric depth.

    0 is no reading: NaN, infinity, and what lies beyond 65.535 m. Text chunks say what the levels
    are (:mod:`service.imaging.depth_description`).
    """
    values = depth.values
    pixels = np.empty(values.shape, np.uint16)

    def round_off(first: int, end: int) -> None:
        millimetres = np.rint(values[first:end] * np.float32(_MILLIMETRES_PER_METRE))
        # False for NaN, too.
        told = millimetres <= _LARGEST
        np.maximum(millimetres, _SMALLEST, out=millimetres)
        pixels[first:end] = np.where(told, millimetres, _NO_READING)

    in_strips(values.shape, round_off)
    high = _LARGEST / _MILLIMETRES_PER_METRE
    description = DepthDescription(depth.kind, 0.0, high, depth.model, invalid=_NO_READING)
    return png.encode_grey16(pixels, description.text())


def encode_ros(depth: DepthMap, options: EncodeOptions) -> bytes:
    """ZIP of the metric map as 32FC1 (NPY) and 16UC1 (PNG), and its CameraInfo (JSON).

    Raises :class:`InvalidParameter` where ``options`` say nothing of the camera.
    """
    if options.camera_info is None:
        raise InvalidParameter("ros needs what is known of the camera.")
    files = {
        str(METRES_FILE): encode_npy(depth, options),
        str(MILLIMETRES_FILE): encode_mm16(depth, options),
        str(CAMERA_FILE): orjson.dumps(options.camera_info),
    }
    return zip_of(files)
