"""A living photo: the camera moves a little, and near things move more than far ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from service.effects.animation import AnimationFormat, encode_animation
from service.errors import InvalidParameter
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap
from service.imaging.limits import check_range
from service.imaging.transforms import Rgb

MAX_MEGAPIXELS = 60
"""Most pixels of all frames together, in millions: what bounds memory (180 MB) and time."""

_STILL = 0.5
_EDGE_PIXELS = 3
_SMALLEST_SIDE = 16


class CameraPath(StrEnum):
    """How the camera moves; every path ends where it begins."""

    LEFT_RIGHT = "left_right"
    CIRCLE = "circle"
    DOLLY_ZOOM = "dolly_zoom"
    """Back, while zooming in: the nearest thing keeps its size and the background grows."""


@dataclass(frozen=True)
class ParallaxOptions:
    """The movement and the animation.

    ``amplitude``: how far the nearest and the farthest things part, as a share of the picture's
    side, 0..0.1. ``path``: see :class:`CameraPath`. ``frames``: 2..120. ``seconds`` of one round:
    0.2..20. ``size``: longer side in pixels, 64..1280. ``format``: see
    :class:`service.effects.animation.AnimationFormat`. Out of range raises
    :class:`InvalidParameter`.
    """

    amplitude: float = 0.03
    path: CameraPath = CameraPath.CIRCLE
    frames: int = 30
    seconds: float = 2.5
    size: int = 640
    format: AnimationFormat = AnimationFormat.WEBP

    def __post_init__(self) -> None:
        check_range("amplitude", self.amplitude, 0, 0.1)
        check_range("frames", self.frames, 2, 120)
        check_range("seconds", self.seconds, 0.2, 20)
        check_range("size", self.size, 64, 1280)

    @property
    def rim(self) -> float:
        """Share of each side that is cut off, so that no frame shows what lies outside."""
        return 0.0 if self.path is CameraPath.DOLLY_ZOOM else self.amplitude / 2

    @property
    def photo_side(self) -> int:
        """Longest side of the photo that the frames are made of, in pixels."""
        return math.ceil(self.size / (1 - self.rim))


def encode_parallax(pixels: Rgb, depth: DepthMap, options: ParallaxOptions) -> bytes:
    """The living photo as a file, looping where the format can.

    Parameters and errors are those of :func:`render_parallax`, and those of
    :func:`service.effects.animation.encode_animation`.
    """
    frames = render_parallax(pixels, depth, options)
    return encode_animation(frames, options.seconds / options.frames, options.format)


def render_parallax(pixels: Rgb, depth: DepthMap, options: ParallaxOptions) -> Iterator[Rgb]:
    """The frames of one round, ``(h, w, 3)`` uint8 RGB with even sides, one at a time.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. A rim as wide as the movement is cut
    off, so that no frame shows what lies outside the photo. Raises :class:`InvalidParameter` when
    the frames have more than :data:`MAX_MEGAPIXELS` in all, or fewer than 16 pixels a side.
    """
    scene = make_scene(pixels, depth, options.photo_side)
    crop_x, crop_y = (math.ceil(options.rim / 2 * side) for side in (scene.width, scene.height))
    width, height = (
        max(0, side - 2 * crop) // 2 * 2
        for side, crop in ((scene.width, crop_x), (scene.height, crop_y))
    )
    if min(width, height) < _SMALLEST_SIDE:
        raise InvalidParameter(
            f"Both sides of an animation must have at least {_SMALLEST_SIDE} pixels; this photo "
            f"would give {width}x{height}. Raise size or send a larger photo."
        )
    if width * height * options.frames > MAX_MEGAPIXELS * 1e6:
        raise InvalidParameter(
            f"{options.frames} frames of {width}x{height} are too many pixels; frames times "
            f"pixels must be from 0 to {MAX_MEGAPIXELS} million. Lower frames or size."
        )
    # From the middle, a path moves things by half the amplitude; the dolly moves them by all of it.
    share = options.amplitude * (1 if options.path is CameraPath.DOLLY_ZOOM else 0.5)
    reach = math.ceil(share * max(scene.width, scene.height)) + _EDGE_PIXELS
    layers = split_layers(scene, reach)
    return (
        render_view(layers, view)[crop_y : crop_y + height, crop_x : crop_x + width]
        for view in camera_path(options, scene.width, scene.height)
    )


def camera_path(options: ParallaxOptions, width: int, height: int) -> list[View]:
    """The camera's places over one round, for a picture of ``width`` x ``height`` pixels."""
    right, down = (options.amplitude * side / 2 for side in (width, height))
    turns = [2 * math.pi * number / options.frames for number in range(options.frames)]
    if options.path is CameraPath.LEFT_RIGHT:
        return [View(right=right * math.sin(turn), still=_STILL) for turn in turns]
    if options.path is CameraPath.CIRCLE:
        return [
            View(right=right * math.cos(turn), down=down * math.sin(turn), still=_STILL)
            for turn in turns
        ]
    # The farthest things grow by this share: at the picture's side, half of it, by the amplitude.
    back = 2 * options.amplitude
    return [View(dolly=-back * (1 - math.cos(turn)) / 2, still=1.0) for turn in turns]
