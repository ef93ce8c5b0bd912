"""Photos with true depth, from a folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import DepthError
from service.evaluation.pictures import read_picture
from service.imaging.npy import read_npy
from service.pipeline.offline import photos_in

# Calibration of the motorcycle at this size.
_FOCAL_PIXELS, _BASELINE_METRES, _DOFFS_PIXELS = 994.978, 0.193001, 31.086
# Any map that fits into memory.
_MOST_PIXELS = 10**9
_SUFFIXES = (".npy", ".depth.png")


@dataclass(frozen=True)
class Pair:
    """A photo's file, and its true depth in metres ``(h, w)``; what is not above 0 is unknown."""

    photo: Path
    truth: NDArray[np.float32]


def pairs_in(folder: Path, units_a_metre: float) -> Iterator[Pair]:
    """Every photo ``a.jpg`` that has ``a.npy`` or a 16-bit PNG ``a.depth.png`` beside it.

    NPY files are in metres, PNG in ``units_a_metre``. Raises :class:`ValueError` for a file that
    is not a map of numbers.
    """
    for photo in photos_in(folder):
        for suffix in _SUFFIXES:
            file = folder / photo.with_name(photo.stem + suffix)
            if file.is_file() and file != folder / photo:
                yield Pair(folder / photo, _read(file, units_a_metre))
                break


def motorcycle() -> Pair:
    """The motorcycle of Middlebury 2014 in scikit-image, with the depth of its true disparity.

    Raises :class:`ValueError` where scikit-image is not installed.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise ValueError("The motorcycle comes with scikit-image: pip install scikit-image.")
    folder = Path(found.origin).parent / "data"
    with np.load(folder / "motorcycle_disp.npz") as arrays:
        disparity = arrays["arr_0"].astype(np.float64)
    metres = np.full(disparity.shape, np.nan)
    known = np.isfinite(disparity) & (disparity > 0)
    metres[known] = _FOCAL_PIXELS * _BASELINE_METRES / (disparity[known] + _DOFFS_PIXELS)
    return Pair(folder / "motorcycle_left.png", metres.astype(np.float32))


def _read(file: Path, units_a_metre: float) -> NDArray[np.float32]:
    if file.suffix == ".npy":
        try:
            return np.asarray(read_npy(file.read_bytes(), _MOST_PIXELS), np.float32)
        except DepthError as error:
            raise ValueError(f"{file}: {error.detail}") from error
    levels = read_picture(file, cv2.IMREAD_UNCHANGED)
    if levels is None or levels.ndim != 2:
        raise ValueError(f"{file} is not a depth map of two dimensions")
    if levels.dtype != np.uint16:
        # Of 8 bits it is a picture of nearness, or of levels of some other unit.
        raise ValueError(f"{file} has {8 * levels.dtype.itemsize} bits; depth has 16 in a PNG")
    return np.asarray(levels / units_a_metre, np.float32)
