"""Background blur like a phone's portrait mode, graded by depth.

The blur of a thin lens is proportional to the difference of inverse depth from the plane in focus
(Potmesil and Chakravarty, "A Lens and Aperture Camera Model", 1981), which is what nearness is for
networks with inverse depth. The blur is made of linear light; only the matte that puts the sharp
subject on top blends pixel values, which keeps what is in focus exactly as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.effects.bokeh import SMALLEST_RADIUS, Bokeh
from service.effects.defocus import Lens, blur_sides, find_sides
from service.effects.record import Effect, Source
from service.geometry.guided_filter import crisp_nearness
from service.geometry.scene import Scene, make_scene, resize_map
from service.imaging.depth_map import DepthMap
from service.imaging.options import (
    MAX_SIDE,
    POINT,
    POINT_FORM,
    Options,
    parse_numbers,
    ranged,
    written,
)
from service.imaging.picture import MEDIA_TYPES, PictureFormat, encode_picture
from service.imaging.strips import bytes_in_turn
from service.imaging.transforms import Rgb, bounded_size

Plane = NDArray[np.float32]

_LARGEST_RADIUS_SHARE = 0.035
_DEPTH_SIDE = 640
_FOCUS_WINDOW_SHARE = 0.02
_SUBJECT_PERCENTILE = 10


class PortraitOptions(Options):
    """The lens and where it focuses.

    ``focus`` is by default the nearest subject, which then is sharp as a whole; ``aperture`` 1 is
    a blur of 3.5% of the photo's longer side at the far end.
    """

    needs: ClassVar[Mapping[str, str]] = {"depth_of_field": "focus"}

    format: PictureFormat = Field(
        PictureFormat.JPEG, description="Only `png` keeps what is in focus to the last pixel."
    )
    focus: str | None = written(None, POINT, POINT_FORM, "0.5,0.4")
    aperture: float = ranged(0.5, 0, 1, "How strong the blur is.")
    depth_of_field: float = ranged(0.08, 0, 1, "Nearness beside the focus that stays sharp.")
    bokeh: Bokeh = Field(Bokeh.DISK, description="Shape of the aperture.")
    bloom: float = ranged(0.5, 0, 1, "How much lights glow in the blur.")
    max_side: int = ranged(2048, 64, 4096, MAX_SIDE)


FocusRange = tuple[float, float]
"""Lowest and highest nearness that is sharp."""


def blur_background(
    pixels: Rgb,
    depth: DepthMap,
    options: PortraitOptions,
    held: Callable[[FocusRange], FocusRange] = lambda focus: focus,
) -> Rgb:
    """The photo with everything out of focus blurred: ``(h, w, 3)`` uint8 RGB.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. The result has the photo's size, or
    at most ``max_side`` a side. Pixels in focus are the photo's own. ``held`` is given the focus
    of this photo and says which it gets: a clip's does not jump.
    """
    photo, small = _photo_and_small_scene(pixels, depth, options.max_side)
    height, width = photo.shape[:2]
    strength = np.float32(options.aperture * _LARGEST_RADIUS_SHARE * max(width, height))
    if strength < SMALLEST_RADIUS:
        return photo
    nearness = crisp_nearness(small)
    low, high = map(np.float32, held(_focus_range(nearness, options)))
    lens = Lens(options.bokeh, options.bloom, strength)
    sides = find_sides(photo, lens, low - nearness, nearness - high)
    return blur_sides(photo, sides, lens)


def _photo_and_small_scene(pixels: Rgb, depth: DepthMap, max_side: int) -> tuple[Rgb, Scene]:
    """The photo at the result's size, and its scene for the depth of field.

    Edges are drawn by the matte; depth itself may be coarser, which saves half the time.
    """
    scene = make_scene(pixels, depth, max_side)
    size = bounded_size(scene.width, scene.height, _DEPTH_SIDE)
    small = np.asarray(cv2.resize(scene.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return scene.pixels, Scene(small, resize_map(scene.nearness, size))


def _focus_range(nearness: Plane, options: PortraitOptions) -> FocusRange:
    if options.focus is None:
        return float(_subject_low(nearness)), 1.0
    height, width = nearness.shape
    reach = max(1, round(_FOCUS_WINDOW_SHARE * max(width, height) / 2))
    x_share, y_share = parse_numbers(options.focus)
    x = min(int(x_share * width), width - 1)
    y = min(int(y_share * height), height - 1)
    window = nearness[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    focus = np.float32(np.median(window))
    field = np.float32(options.depth_of_field)
    return float(focus - field), float(focus + field)


def _subject_low(nearness: Plane) -> np.float32:
    """Nearness of the nearest subject's far side.

    Otsu's threshold ("A Threshold Selection Method from Gray-Level Histograms", 1979) parts the
    photo into near and far; of the near, all but the farthest tenth is the subject.
    """
    levels = np.rint(nearness * np.float32(255)).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    near = nearness[levels > threshold]
    return np.float32(np.percentile(near, _SUBJECT_PERCENTILE) if near.size else 0)


def _make(source: Source, options: PortraitOptions) -> bytes:
    return encode_picture(blur_background(source.pixels, source.depth, options), options.format)


def _working_bytes(options: PortraitOptions, pixels: int) -> int:
    """Measured by `python -m load_tests.effects --peaks`; a tenth in reserve."""
    # Only with a focus of its own is anything before it.
    per_pixel = 19 if options.focus is None else 28
    return bytes_in_turn(pixels, per_pixel, 170)


PORTRAIT = Effect(
    name="portrait",
    summary="Blurred background",
    description="Blur what is out of focus as a large lens would.",
    options=PortraitOptions,
    media_types=MEDIA_TYPES,
    side=lambda options: options.max_side,
    working_bytes=_working_bytes,
    make=_make,
)
