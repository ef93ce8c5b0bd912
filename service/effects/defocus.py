"""What lies behind or before the focus: how far it is blurred, its matte, and its blurred picture.

Pictures are blurred in strips, and planes of a photo's full size are made when they are needed:
at 4096x4096 each takes 67 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.effects.bloom import bloom_gain, brighten
from service.effects.bokeh import SMALLEST_RADIUS, Blurred, Bokeh, blur_layers, blur_margin
from service.effects.light import shrunk_light, to_linear, to_srgb
from service.geometry.guided_filter import GuidedFilter, LinearModels
from service.geometry.scene import enlarged_part, resize_map
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import Rgb

Plane = NDArray[np.float32]
Size = tuple[int, int]

_MATTE_RADIUS_SHARE = 0.006
_RIM_SHARE = 0.0015
_BLOOM_REACH_SHARE = 0.035
_HALVED_FROM_RADIUS = 3.0
_SMOOTH_SCALE = 4
_TRACE = np.float32(1e-3)


@dataclass(frozen=True)
class Lens:
    """``strength`` is the radius of blur, in pixels, of what lies 1 in nearness from the focus.

    ``bokeh`` is the aperture's shape, ``bloom`` (0..1) how much lights glow.
    """

    bokeh: Bokeh
    bloom: float
    strength: np.float32


@dataclass(frozen=True)
class Side:
    """What is out of focus behind or before what is in focus.

    ``distance``, of any size, is nearness from what is in focus; ``largest`` the largest radius of
    blur in pixels; ``edges`` and ``models`` make its matte. ``sharp_in_front``: it lies behind.
    """

    distance: Plane
    largest: float
    edges: GuidedFilter
    models: LinearModels
    sharp_in_front: bool

    def sharp(self, rows: slice) -> Plane:
        """How far each pixel of some rows is not on this side, in 0..1.

        As soft as the photo's edges are: hair is partly there.
        """
        soft = self.edges.apply(self.models, rows)
        # Stretched, so that the inside is wholly sharp and the outside not at all.
        soft -= np.float32(0.15)
        soft *= np.float32(1 / 0.7)
        return np.clip(soft, 0, 1, out=soft)

    def share(self, rows: slice) -> Plane:
        """How much of each pixel's light of some rows is blurred here, in 0..1."""
        if not self.sharp_in_front:
            return 1 - self.sharp(rows)
        # The subject's own colours must not get into the background, or it glows: leave its rim
        # out.
        height, width = self.edges.guide.shape[:2]
        rim = max(1, round(_RIM_SHARE * max(width, height)))
        top = max(0, rows.start - rim)
        share = np.square(1 - self.sharp(slice(top, min(height, rows.stop + rim))))
        inside = slice(rows.start - top, rows.stop - top)
        return np.asarray(cv2.erode(share, _disk(rim)), np.float32)[inside]


@dataclass(frozen=True)
class _Gathered:
    """A blurred picture ``(h, w, 3)`` uint8 and its coverage ``(h, w)`` in 0..1.

    Of the photo's size, or of half of it where that cannot show.
    """

    picture: Rgb
    coverage: Plane


def find_sides(photo: Rgb, lens: Lens, behind: Plane, before: Plane) -> list[Side]:
    """The sides on which anything is blurred, back to front.

    ``behind`` and ``before``, of one size, tell how far nearness lies behind and before what is in
    focus; below 0 where it does not.
    """
    size = _size(photo)
    sides: list[Side] = []
    edges = None
    for signed, sharp_in_front in ((behind, True), (before, False)):
        distance = np.maximum(signed, 0)
        largest = float(_radius(distance, size, lens).max())
        if largest <= SMALLEST_RADIUS:
            continue
        if edges is None:
            window = max(2, round(_MATTE_RADIUS_SHARE * max(size)))
            edges = GuidedFilter(photo, window, max(1, round(window / 3)))
        in_focus = _radius(distance, size, lens) < SMALLEST_RADIUS
        models = edges.fit(in_focus.astype(np.float32))
        sides.append(Side(distance, largest, edges, models, sharp_in_front))
    return sides


def blur_sides(photo: Rgb, sides: list[Side], lens: Lens) -> Rgb:
    """The sharp photo and its sides, blurred in linear light, on top of one another.

    A side is blurred at half size where that cannot show.
    """
    if not sides:
        return photo
    gain, halves = _blur_at_half_size(photo, sides, lens)
    picture = photo.copy()
    for side, half in zip(sides, halves, strict=True):
        _lay_over(picture, side, half or _blur_cropped_full_size(side, photo, gain, lens))
    return picture


def _lay_over(picture: Rgb, side: Side, blurred: _Gathered) -> None:
    """Put a side before or behind what ``picture`` shows, in its place."""
    size = _size(picture)
    around = None if side.sharp_in_front else _surroundings(picture, side)
    for strip in strips_in_turn(picture.shape):
        rows, shown = picture[strip.rows], side.sharp(strip.rows)
        part = strip.rows, slice(0, size[0])
        if around is not None:
            rows = _blended(rows, enlarged_part(around, size, part), shown)
            shown = 1 - enlarged_part(blurred.coverage, size, part)
        picture[strip.rows] = _blended(rows, enlarged_part(blurred.picture, size, part), shown)


def _radius(distance: Plane, size: Size, lens: Lens) -> Plane:
    """Radius of blur in pixels, ``(h, w)``."""
    radius = resize_map(distance, size)
    return np.multiply(radius, lens.strength, out=None if radius is distance else radius)


def _blur_at_half_size(
    photo: Rgb, sides: list[Side], lens: Lens
) -> tuple[Plane, list[_Gathered | None]]:
    """By how much lights glow, and the sides whose blur hides that half of the detail is gone."""
    size = _size(photo)
    half = max(1, size[0] // 2), max(1, size[1] // 2)
    shares = [_shrunk(_whole(side.share, size), half) for side in sides]
    light = shrunk_light(photo, half)
    reach = round(_BLOOM_REACH_SHARE * max(half))
    gain = bloom_gain(light, np.asarray(sum(shares), np.float32), reach, lens.bloom)
    brighten(light, gain)
    blurred: list[_Gathered | None] = []
    for side, share in zip(sides, shares, strict=True):
        if side.largest < _HALVED_FROM_RADIUS:
            blurred.append(None)
            continue
        radius = _shrunk(_radius(side.distance, size, lens), half)
        radius /= 2
        blurred.append(_blur_in_strips(side, light, share, radius, lens))
    return gain, blurred


def _blur_in_strips(side: Side, light: Plane, share: Plane, radius: Plane, lens: Lens) -> _Gathered:
    largest = float(radius.max())
    picture, coverage = np.empty(light.shape, np.uint8), np.empty_like(share)
    for strip in strips_in_turn(share.shape, *blur_margin(largest)):
        rows = strip.read
        blurred = _blur(side, light[rows], share[rows], radius[rows], largest, lens)
        picture[strip.rows] = blurred.picture[strip.inner]
        coverage[strip.rows] = blurred.coverage[strip.inner]
    return _Gathered(picture, coverage)


def _blur_cropped_full_size(side: Side, photo: Rgb, gain: Plane, lens: Lens) -> _Gathered:
    """At full size, which takes long for a whole photo; a side is often a corner of it."""
    size = _size(photo)
    radius = _radius(side.distance, size, lens)
    out_of_focus = np.empty(radius.shape, np.uint8)
    for strip in strips_in_turn(radius.shape):
        out_of_focus[strip.rows] = side.sharp(strip.rows) < 1
    left, top, across, down = cv2.boundingRect(out_of_focus)
    # What is blurred spreads by the radius; outside there is nothing to gather.
    margin, _ = blur_margin(side.largest)
    columns = slice(max(0, left - margin), min(size[0], left + across + margin))
    first, end = max(0, top - margin), min(len(photo), top + down + margin)
    picture, coverage = photo.copy(), np.zeros_like(radius)
    for strip in strips_in_turn(radius[first:end, columns].shape, margin):
        read, made = (
            slice(first + rows.start, first + rows.stop) for rows in (strip.read, strip.rows)
        )
        light = to_linear(np.ascontiguousarray(photo[read, columns]))
        brighten(light, enlarged_part(gain, size, (read, columns)))
        share = side.share(read)[:, columns]
        blurred = _blur(side, light, share, radius[read, columns], side.largest, lens)
        picture[made, columns] = blurred.picture[strip.inner]
        coverage[made, columns] = blurred.coverage[strip.inner]
    return _Gathered(picture, coverage)


def _blur(
    side: Side, light: Plane, share: Plane, radius: Plane, largest: float, lens: Lens
) -> _Gathered:
    share, radius = np.ascontiguousarray(share), np.ascontiguousarray(radius)
    blurred = blur_layers(
        light, share, radius, largest, lens.bokeh, sharp_in_front=side.sharp_in_front
    )
    return _Gathered(to_srgb(_opaque(blurred, light)), np.clip(blurred.coverage, 0, 1))


def _opaque(blurred: Blurred, light: Plane) -> Plane:
    """Light where anything was gathered, made opaque; the photo's own where nothing was."""
    weight = cv2.merge([blurred.coverage + _TRACE] * 3)
    return np.asarray(cv2.divide(blurred.light + light * _TRACE, weight), np.float32)


def _surroundings(picture: Rgb, side: Side) -> Rgb:
    """What a blurred foreground lets shine through where it hides the scene: what is around it.

    At a quarter of the size.
    """
    width, height = _size(picture)
    size = (max(1, width // _SMOOTH_SCALE), max(1, height // _SMOOTH_SCALE))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    weights = _shrunk(_whole(side.sharp, (width, height)), size)
    window = 2 * max(1, round(side.largest / _SMOOTH_SCALE)) + 1
    spread = cv2.blur(cv2.multiply(small, cv2.merge([weights] * 3)), (window, window))
    total = cv2.merge([cv2.blur(weights, (window, window)) + _TRACE] * 3)
    around = cv2.divide(spread + small * _TRACE, total)
    return np.asarray(np.rint(around).clip(0, 255), np.uint8)


def _blended(first: Rgb, second: Rgb, share: Plane) -> Rgb:
    return np.asarray(cv2.blendLinear(first, second, share, 1 - share), np.uint8)


def _whole(rows_of: Callable[[slice], Plane], size: Size) -> Plane:
    """What is made of some rows, of all."""
    plane = np.empty(size[::-1], np.float32)
    for strip in strips_in_turn(plane.shape):
        plane[strip.rows] = rows_of(strip.rows)
    return plane


def _shrunk(planes: Plane, size: Size) -> Plane:
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def _size(planes: NDArray[np.generic]) -> Size:
    """Width and height."""
    return planes.shape[1], planes.shape[0]


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
