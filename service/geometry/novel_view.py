"""The scene from a place beside the camera's: forward warp in two layers.

Every pixel is carried to where the moved camera sees it, the nearest one winning (a z-buffer), so
that nothing near is covered by anything far. What comes into sight is taken from a second layer,
the scene without its foreground (compare Shade et al., "Layered Depth Images", 1998). Colours are
then fetched backward, at fractions of pixels, by the depth that arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.geometry.extremes import highest, lowest
from service.geometry.guided_filter import crisp_nearness
from service.geometry.scene import Scene
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import Rgb
from service.machine.checkpoint import checkpoint

Plane = NDArray[np.float32]

_HOLE = np.float32(-1)
_FOREGROUND = np.float32(0.06)
_INPAINT_RADIUS = 4
_JUMP = np.float32(0.08)
# The filters of 3x3 pixels, one after the other, see so many rows.
_FILTER_ROWS = 8


@dataclass(frozen=True)
class View:
    """A place of the camera.

    A pixel of nearness ``n`` moves by ``(right, down) * (n - still)`` pixels, and away from the
    picture's centre by the factor ``(1 - dolly * still) / (1 - dolly * n)``: what a camera sees
    that moves forward (``dolly`` > 0) or back (< 0) while it zooms to keep ``still`` in size.
    ``dolly`` < 1.
    """

    right: float = 0.0
    down: float = 0.0
    dolly: float = 0.0
    still: float = 0.5


@dataclass(frozen=True)
class Layers:
    """The scene, ``front``, and the scene without its foreground, ``back``; of one size."""

    front: Scene
    back: Scene

    def at(self, rows: slice) -> Layers:
        """Some rows of both."""
        return Layers(*(Scene(s.pixels[rows], s.nearness[rows]) for s in (self.front, self.back)))


def split_layers(scene: Scene, reach: int) -> Layers:
    """Make the layer behind the foreground, as far as ``reach`` pixels inside its edges.

    The background is continued under the foreground from its far side only: inpainted (Telea, "An
    Image Inpainting Technique Based on the Fast Marching Method", 2004), at the far side's depth.
    """
    # Pixels on an edge are mixed from both sides; they must go with the foreground, or they would
    # stay behind as its ghost.
    scene = Scene(scene.pixels, highest(crisp_nearness(scene), 1))
    covered, back = _behind_edges(scene.nearness, reach)
    np.copyto(back, scene.nearness, where=~covered)
    return Layers(scene, Scene(_inpainted(scene.pixels, covered), back))


def _behind_edges(nearness: Plane, reach: int) -> tuple[NDArray[np.bool_], Plane]:
    """Where the foreground may uncover something, and the nearness of what is behind it there."""
    far, near = _jumps(nearness)
    # Twice the reach, so that within reach the far side is always the closer one to fill from.
    far = lowest(far, 2 * reach)
    near = highest(near, 2 * reach)
    covered = near > far
    near += far
    near /= 2
    covered &= nearness > near
    return covered, far


def _jumps(nearness: Plane) -> tuple[Plane, Plane]:
    """The far and the near side's nearness where it jumps; elsewhere 1 and 0."""
    far, near = np.ones_like(nearness), np.zeros_like(nearness)
    for strip in strips_in_turn(nearness.shape, 1):
        around = nearness[strip.read]
        low, high = lowest(around, 1)[strip.inner], highest(around, 1)[strip.inner]
        # Only jumps: a floor that rises towards the camera hides nothing.
        jump = high - low > _JUMP
        np.copyto(far[strip.rows], low, where=jump)
        np.copyto(near[strip.rows], high, where=jump)
    return far, near


def _inpainted(pixels: Rgb, covered: NDArray[np.bool_]) -> Rgb:
    """The photo with its covered pixels invented, at half size: a quarter of the time."""
    height, width = covered.shape
    half = (max(1, width // 2), max(1, height // 2))
    # One pixel more, because edge pixels still hold some of the foreground's colour.
    mask = np.asarray(cv2.dilate(covered.astype(np.uint8), _square(1)))
    small_mask = cv2.resize(mask * np.uint8(255), half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    small = cv2.inpaint(small, small_mask, _INPAINT_RADIUS, cv2.INPAINT_TELEA)
    filled = np.asarray(cv2.resize(small, (width, height)), np.uint8)
    np.copyto(filled, pixels, where=mask[..., np.newaxis] == 0)
    return filled


def render_view(layers: Layers, view: View) -> Rgb:
    """What the camera sees from ``view``: ``(h, w, 3)`` uint8, of the layers' size.

    Outside of the photo its border is continued. Raises :class:`Abandoned` when nobody waits for it
    any more.
    """
    checkpoint()
    if view.down or view.dolly:
        return _rendered(layers, view)
    # A row then comes from that row alone, but for the filters.
    picture = np.empty_like(layers.front.pixels)
    for strip in strips_in_turn(picture.shape, _FILTER_ROWS):
        picture[strip.rows] = _rendered(layers.at(strip.read), view)[strip.inner]
    return picture


def _rendered(layers: Layers, view: View) -> Rgb:
    front = _carried(layers.front.nearness, view)
    hidden = front < 0
    seen = _fetched(layers.front.pixels, np.where(hidden, np.float32(view.still), front), view)
    if not hidden.any():
        return _softened(seen, front)
    back = _carried(layers.back.nearness, view)
    back = np.where(back < 0, layers.back.nearness, back)
    revealed = _fetched(layers.back.pixels, back, view)
    share = np.asarray(cv2.blur(hidden.astype(np.float32), (3, 3)), np.float32)
    share[hidden] = 1
    picture = np.asarray(cv2.blendLinear(revealed, seen, share, 1 - share), np.uint8)
    return _softened(picture, np.where(hidden, back, front))


def _carried(nearness: Plane, view: View) -> Plane:
    """Nearness as the moved camera sees it, ``(h, w)``; -1 where nothing arrives."""
    height, width = nearness.shape
    x, y = _grid(width, height)
    if view.dolly:
        scale = _scale(nearness, view)
        x = (x - np.float32((width - 1) / 2)) * scale + np.float32((width - 1) / 2)
        y = (y - np.float32((height - 1) / 2)) * scale + np.float32((height - 1) / 2)
    away = nearness - np.float32(view.still)
    column = np.rint(x + away * np.float32(view.right)).astype(np.int32)
    row = np.rint(y + away * np.float32(view.down)).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    arrived = np.full(height * width, _HOLE, np.float32)
    np.maximum.at(arrived, (row * np.int32(width) + column)[inside], nearness[inside])
    return _without_cracks(arrived.reshape(height, width))


def _without_cracks(arrived: Plane) -> Plane:
    """Fill the gaps of one pixel that rounding leaves where a surface is stretched."""
    closed = np.asarray(cv2.morphologyEx(arrived, cv2.MORPH_CLOSE, _square(1)), np.float32)
    # Also where something far shows through such a gap; slopes stay as they are.
    return np.where(closed - arrived > _FOREGROUND, closed, arrived)


def _fetched(pixels: Rgb, nearness: Plane, view: View) -> Rgb:
    """Colours for every pixel of the new view, given the nearness that it sees."""
    height, width = nearness.shape
    x, y = _grid(width, height)
    away = nearness - np.float32(view.still)
    x = x - away * np.float32(view.right)
    y = y - away * np.float32(view.down)
    if view.dolly:
        scale = _scale(nearness, view)
        x = (x - np.float32((width - 1) / 2)) / scale + np.float32((width - 1) / 2)
        y = (y - np.float32((height - 1) / 2)) / scale + np.float32((height - 1) / 2)
    picture = cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)


def _softened(picture: Rgb, nearness: Plane) -> Rgb:
    """Smooth the stairs that whole-pixel depth leaves along the foreground's edges."""
    jump = cv2.morphologyEx(nearness, cv2.MORPH_GRADIENT, _square(1))
    edge = (jump > _JUMP).astype(np.float32)
    share = np.asarray(cv2.blur(edge, (3, 3)), np.float32) * np.float32(0.7)
    smooth = cv2.GaussianBlur(picture, (3, 3), 0)
    return np.asarray(cv2.blendLinear(smooth, picture, share, 1 - share), np.uint8)


def _scale(nearness: Plane, view: View) -> Plane:
    scale = (1 - view.dolly * view.still) / (1 - nearness * np.float32(view.dolly))
    return np.asarray(scale, np.float32)


def _grid(width: int, height: int) -> tuple[Plane, Plane]:
    x = np.arange(width, dtype=np.float32)
    y = np.arange(height, dtype=np.float32)
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, np.newaxis], (height, width))


def _square(radius: int) -> NDArray[np.uint8]:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
