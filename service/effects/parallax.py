"""A living photo: the camera moves a little, and near things move more than far ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from service.effects.animation import AnimationFormat, Frames, encode_animation
from service.effects.record import Effect
from service.errors import InvalidParameter
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap
from service.imaging.options import Options, ranged
from service.imaging.transforms import Rgb

MAX_MEGAPIXELS = 60
"""Most pixels of all frames together, in millions: what bounds memory and time."""

_STILL = 0.5
_EDGE_PIXELS = 3
_SMALLEST_SIDE = 16


class CameraPath(StrEnum):
    """How the camera moves; every path ends where it begins."""

    LEFT_RIGHT = "left_right"
    CIRCLE = "circle"
    DOLLY_ZOOM = "dolly_zoom"
    """Back, while zooming in: the nearest thing keeps its size and the background grows."""


class ParallaxOptions(Options):
    """The movement and the animation."""

    renamed: ClassVar[Mapping[str, str]] = {"size": "max_side"}
    # A GIF holds every pixel of 256 colours: at the size of the others it takes 5 MB, so about 1.
    of_format: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        AnimationFormat.GIF: {"frames": 20, "max_side": 320}
    }

    format: AnimationFormat = Field(
        AnimationFormat.WEBP,
        description="`mp4` and `webm` need PyAV on the server (the extra `video`).",
    )
    path: CameraPath = Field(CameraPath.CIRCLE, description="How the camera moves.")
    amplitude: float = ranged(0.03, 0, 0.1, "How far near and far part, as a share of the side.")
    frames: int = ranged(30, 2, 120, "Pictures of one round; by default 20 of a GIF.")
    seconds: float = ranged(2.5, 0.2, 20, "Duration of one round.")
    max_side: int = ranged(640, 64, 1280, "Longer side in pixels; by default 320 of a GIF.")

    @property
    def rim(self) -> float:
        """Share of each side that is cut off, so that no frame shows what lies outside."""
        return 0.0 if self.path is CameraPath.DOLLY_ZOOM else self.amplitude / 2

    @property
    def photo_side(self) -> int:
        """Longest side of the photo that the frames are made of, in pixels."""
        return math.ceil(self.max_side / (1 - self.rim))


def encode_parallax(pixels: Rgb, depth: DepthMap, options: ParallaxOptions) -> bytes:
    """The living photo as a file, looping where the format can.

    Parameters and errors are those of :func:`render_parallax`, and those of
    :func:`service.effects.animation.encode_animation`.
    """
    frames = render_parallax(pixels, depth, options)
    return encode_animation(frames, options.seconds / options.frames, options.format)


def render_parallax(pixels: Rgb, depth: DepthMap, options: ParallaxOptions) -> Frames:
    """The frames of one round, ``(h, w, 3)`` uint8 RGB with even sides.

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
            f"would give {width}x{height}. Raise max_side or send a larger photo."
        )
    if width * height * options.frames > MAX_MEGAPIXELS * 1e6:
        raise InvalidParameter(
            f"{options.frames} frames of {width}x{height} are too many pixels; frames times "
            f"pixels must be from 0 to {MAX_MEGAPIXELS} million. Lower frames or max_side."
        )
    # From the middle, a path moves things by half the amplitude; the dolly moves them by all of it.
    share = options.amplitude * (1 if options.path is CameraPath.DOLLY_ZOOM else 0.5)
    reach = math.ceil(share * max(scene.width, scene.height)) + _EDGE_PIXELS
    layers = split_layers(scene, reach)
    views = camera_path(options, scene.width, scene.height)
    crop = np.s_[crop_y : crop_y + height, crop_x : crop_x + width]
    return Frames(len(views), lambda number: render_view(layers, views[number])[crop])


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


# Bytes for each pixel of the photo, and of all frames: of the views, the encoder and the file.
# Measured by `python -m load_tests.effects --peaks`; a tenth in reserve, and twice the file.
_BYTES_PER_PIXEL = {
    AnimationFormat.WEBP: (105, 1.0),
    AnimationFormat.GIF: (105, 2.5),
    AnimationFormat.MP4: (175, 0.5),
    AnimationFormat.WEBM: (220, 0.5),
}
# Of the encoders' threads and small buffers.
_ENCODER_BYTES = 20_000_000


def _working_bytes(options: ParallaxOptions, pixels: int) -> int:
    of_photo, of_frames = _BYTES_PER_PIXEL[options.format]
    frame_pixels = min(options.frames * pixels, MAX_MEGAPIXELS * 10**6)
    return round(of_photo * pixels + of_frames * frame_pixels) + _ENCODER_BYTES


PARALLAX = Effect(
    name="parallax",
    summary="A living photo",
    description="Move the camera a little, so that near things move more than far ones.",
    options=ParallaxOptions,
    media_types={format: format.media_type for format in AnimationFormat},
    side=lambda options: options.photo_side,
    working_bytes=_working_bytes,
    lowered_by=("max_side", "frames"),
    pictures=lambda options: options.frames,
    make=lambda source, options: encode_parallax(source.pixels, source.depth, options),
)
