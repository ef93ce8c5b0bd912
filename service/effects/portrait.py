"""Background blur like a phone's portrait mode, graded by depth.

The blur of a thin lens is proportional to the difference of inverse depth from the plane in focus
(Potmesil and Chakravarty, "A Lens and Aperture Camera Model", 1981), which is what nearness is for
networks with inverse depth. The blur is made of linear light; only the matte that puts the sharp
subject on top blends pixel values, which keeps what is in focus exactly as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.effects.bloom import bloom_gain, brightened
from service.effects.bokeh import SMALLEST_RADIUS, Blurred, Bokeh, blur_layers
from service.effects.light import to_linear, to_srgb
from service.effects.record import Effect, Source
from service.geometry.guided_filter import GuidedFilter, crisp_nearness
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
from service.imaging.transforms import Rgb, bounded_size

Plane = NDArray[np.float32]

_LARGEST_RADIUS_SHARE = 0.035
_DEPTH_SIDE = 640
_FOCUS_WINDOW_SHARE = 0.02
_MATTE_RADIUS_SHARE = 0.006
_RIM_SHARE = 0.0015
_SUBJECT_PERCENTILE = 10
_HALVED_FROM_RADIUS = 3.0
_SMOOTH_SCALE = 4
_TRACE = np.float32(1e-3)


class PortraitOptions(Options):
    """The lens and where it focuses.

    ``focus`` is by default the nearest subject, which then is sharp as a whole; ``aperture`` 1 is
    a blur of 3.5% of the photo's longer side at the far end.
    """

    format: PictureFormat = Field(
        PictureFormat.JPEG, description="Only `png` keeps what is in focus to the last pixel."
    )
    focus: str | None = written(None, POINT, POINT_FORM, "0.5,0.4")
    aperture: float = ranged(0.5, 0, 1, "How strong the blur is.")
    depth_of_field: float = ranged(0.08, 0, 1, "Nearness beside the focus that stays sharp.")
    bokeh: Bokeh = Field(Bokeh.DISK, description="Shape of the aperture.")
    bloom: float = ranged(0.5, 0, 1, "How much lights glow in the blur.")
    max_side: int = ranged(2048, 64, 4096, MAX_SIDE)


def blur_background(pixels: Rgb, depth: DepthMap, options: PortraitOptions) -> Rgb:
    """The photo with everything out of focus blurred: ``(h, w, 3)`` uint8 RGB.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. The result has the photo's size, or
    at most ``max_side`` a side. Pixels in focus are the photo's own.
    """
    scene = make_scene(pixels, depth, options.max_side)
    strength = options.aperture * _LARGEST_RADIUS_SHARE * max(scene.width, scene.height)
    if strength < SMALLEST_RADIUS:
        return scene.pixels
    # Edges are drawn by the matte below; depth itself may be coarser, which saves half the time.
    nearness = crisp_nearness(_reduced(scene, _DEPTH_SIDE))
    low, high = _focus_range(nearness, options)
    size = (scene.width, scene.height)
    behind = resize_map(np.maximum(low - nearness, 0), size) * np.float32(strength)
    before = resize_map(np.maximum(nearness - high, 0), size) * np.float32(strength)
    return _out_of_focus(scene.pixels, behind, before, options)


def _reduced(scene: Scene, max_side: int) -> Scene:
    size = bounded_size(scene.width, scene.height, max_side)
    small = np.asarray(cv2.resize(scene.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Scene(small, resize_map(scene.nearness, size))


def _focus_range(nearness: Plane, options: PortraitOptions) -> tuple[np.float32, np.float32]:
    """Lowest and highest nearness that is sharp."""
    if options.focus is None:
        return _subject_low(nearness), np.float32(1)
    height, width = nearness.shape
    reach = max(1, round(_FOCUS_WINDOW_SHARE * max(width, height) / 2))
    x_share, y_share = parse_numbers(options.focus)
    x = min(int(x_share * width), width - 1)
    y = min(int(y_share * height), height - 1)
    window = nearness[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    focus = np.float32(np.median(window))
    field = np.float32(options.depth_of_field)
    return focus - field, focus + field


def _subject_low(nearness: Plane) -> np.float32:
    """Nearness of the nearest subject's far side.

    Otsu's threshold ("A Threshold Selection Method from Gray-Level Histograms", 1979) parts the
    photo into near and far; of the near, all but the farthest tenth is the subject.
    """
    levels = np.rint(nearness * np.float32(255)).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    near = nearness[levels > threshold]
    return np.float32(np.percentile(near, _SUBJECT_PERCENTILE) if near.size else 0)


@dataclass(frozen=True)
class _Side:
    """What is out of focus behind or before what is in focus.

    ``radius`` ``(h, w)`` of blur in pixels; ``sharp`` ``(h, w)`` in 0..1, how far each pixel is not
    on this side; ``share``, how much of its light is blurred here.
    """

    radius: Plane
    sharp: Plane
    share: Plane
    sharp_in_front: bool

    @property
    def largest(self) -> float:
        return float(self.radius.max())


def _out_of_focus(photo: Rgb, behind: Plane, before: Plane, options: PortraitOptions) -> Rgb:
    sides = _sides(photo, behind, before)
    if not sides:
        return photo
    gathered = _gather(photo, sides, options)
    picture = photo
    for side, blurred in zip(sides, gathered, strict=True):
        if side.sharp_in_front:
            picture = _blend(picture, blurred.picture, side.sharp)
        else:
            revealed = _surroundings(picture, side.sharp, side.largest)
            picture = _blend(picture, revealed, side.sharp)
            picture = _blend(picture, blurred.picture, 1 - blurred.coverage)
    return picture


def _sides(photo: Rgb, behind: Plane, before: Plane) -> list[_Side]:
    """The sides on which anything is blurred, back to front."""
    is_blurred = [float(radius.max()) > SMALLEST_RADIUS for radius in (behind, before)]
    if not any(is_blurred):
        return []
    radius = max(2, round(_MATTE_RADIUS_SHARE * max(photo.shape)))
    edges = GuidedFilter(photo, radius, max(1, round(radius / 3)))
    sides: list[_Side] = []
    if is_blurred[0]:
        sharp = _matte(edges, behind)
        # The subject's own colours must not get into the background, or it glows: leave its rim
        # out.
        share = np.asarray(cv2.erode(np.square(1 - sharp), _disk(_rim(behind))), np.float32)
        sides.append(_Side(behind, sharp, share, sharp_in_front=True))
    if is_blurred[1]:
        sharp = _matte(edges, before)
        sides.append(_Side(before, sharp, 1 - sharp, sharp_in_front=False))
    return sides


def _matte(edges: GuidedFilter, radius: Plane) -> Plane:
    """What is sharp, in 0..1, as soft as the photo's edges are: hair is partly there."""
    soft = edges.filter((radius < SMALLEST_RADIUS).astype(np.float32))
    # Stretched, so that the inside is wholly sharp and the outside not at all.
    soft -= np.float32(0.15)
    soft *= np.float32(1 / 0.7)
    return np.clip(soft, 0, 1, out=soft)


@dataclass(frozen=True)
class _Gathered:
    """A blurred picture ``(h, w, 3)`` uint8 and its coverage ``(h, w)`` in 0..1."""

    picture: Rgb
    coverage: Plane


def _gather(photo: Rgb, sides: list[_Side], options: PortraitOptions) -> list[_Gathered]:
    """Blur the sides in linear light; each at half size where that cannot show."""
    height, width = photo.shape[:2]
    half = max(1, width // 2), max(1, height // 2)
    share = _shrunk(np.asarray(sum(side.share for side in sides), np.float32), half)
    light = _shrunk(to_linear(photo), half)
    reach = round(_LARGEST_RADIUS_SHARE * max(half))
    gain = bloom_gain(light, share, reach, options.bloom)
    light = brightened(light, gain)
    return [
        _blurred_by_half(side, light, (width, height), options)
        if side.largest >= _HALVED_FROM_RADIUS
        else _blurred_where_it_is(side, photo, gain, options)
        for side in sides
    ]


def _blurred_by_half(
    side: _Side, light: Plane, size: tuple[int, int], options: PortraitOptions
) -> _Gathered:
    half = light.shape[1::-1]
    share, radius = _shrunk(side.share, half), _shrunk(side.radius, half) / np.float32(2)
    return _blurred(light, share, radius, side.sharp_in_front, size, options)


def _blurred_where_it_is(
    side: _Side, photo: Rgb, gain: Plane, options: PortraitOptions
) -> _Gathered:
    """At full size, which takes long for a whole photo; a side is often a corner of it."""
    height, width = photo.shape[:2]
    left, top, across, down = cv2.boundingRect((side.sharp < 1).astype(np.uint8))
    # What is blurred spreads by the radius; outside there is nothing to gather.
    margin = math.ceil(side.largest)
    part = np.s_[
        max(0, top - margin) : top + down + margin, max(0, left - margin) : left + across + margin
    ]
    own_gain = np.asarray(cv2.resize(gain, (width, height)), np.float32)[part]
    light = brightened(to_linear(np.ascontiguousarray(photo[part])), own_gain)
    blurred = _blurred(
        light,
        np.ascontiguousarray(side.share[part]),
        np.ascontiguousarray(side.radius[part]),
        side.sharp_in_front,
        light.shape[1::-1],
        options,
    )
    picture, coverage = photo.copy(), np.zeros((height, width), np.float32)
    picture[part], coverage[part] = blurred.picture, blurred.coverage
    return _Gathered(picture, coverage)


def _blurred(
    light: Plane,
    share: Plane,
    radius: Plane,
    sharp_in_front: bool,
    size: Sequence[int],
    options: PortraitOptions,
) -> _Gathered:
    blurred = blur_layers(light, share, radius, options.bokeh, sharp_in_front=sharp_in_front)
    picture = cv2.resize(to_srgb(_opaque(blurred, light)), size)
    coverage = cv2.resize(np.clip(blurred.coverage, 0, 1), size)
    return _Gathered(np.asarray(picture, np.uint8), np.asarray(coverage, np.float32))


def _shrunk(planes: Plane, size: Sequence[int]) -> Plane:
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def _opaque(blurred: Blurred, light: Plane) -> Plane:
    """Light where anything was gathered, made opaque; the photo's own where nothing was."""
    weight = cv2.merge([blurred.coverage + _TRACE] * 3)
    return np.asarray(cv2.divide(blurred.light + light * _TRACE, weight), np.float32)


def _surroundings(picture: Rgb, known: Plane, radius: float) -> Rgb:
    """What a blurred foreground lets shine through where it hides the scene: what is around it."""
    height, width = known.shape
    size = (max(1, width // _SMOOTH_SCALE), max(1, height // _SMOOTH_SCALE))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    weights = _shrunk(known, size)
    side = 2 * max(1, round(radius / _SMOOTH_SCALE)) + 1
    spread = cv2.blur(cv2.multiply(small, cv2.merge([weights] * 3)), (side, side))
    total = cv2.merge([cv2.blur(weights, (side, side)) + _TRACE] * 3)
    around = cv2.divide(spread + small * _TRACE, total)
    filled = np.asarray(np.rint(around).clip(0, 255), np.uint8)
    return np.asarray(cv2.resize(filled, (width, height)), np.uint8)


def _blend(first: Rgb, second: Rgb, share: Plane) -> Rgb:
    return np.asarray(cv2.blendLinear(first, second, share, 1 - share), np.uint8)


def _rim(radius: Plane) -> int:
    height, width = radius.shape
    return int(max(1, round(_RIM_SHARE * max(width, height))))


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _make(source: Source, options: PortraitOptions) -> bytes:
    return encode_picture(blur_background(source.pixels, source.depth, options), options.format)


PORTRAIT = Effect(
    name="portrait",
    summary="Blurred background",
    description="Blur what is out of focus as a large lens would.",
    options=PortraitOptions,
    media_types=MEDIA_TYPES,
    side=lambda options: options.max_side,
    make=_make,
)
