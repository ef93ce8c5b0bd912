"""Still pictures for two eyes: red-cyan anaglyph, and side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from service.effects.light import to_linear, to_srgb
from service.effects.record import Effect, Source
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap
from service.imaging.options import Options, ranged
from service.imaging.picture import MEDIA_TYPES, PictureFormat, encode_picture
from service.imaging.strips import bytes_in_turn, strips_in_turn
from service.imaging.transforms import Rgb, bounded_size

_EDGE_PIXELS = 3

# Dubois, "A Projection Method to Generate Anaglyph Stereo Images", ICASSP 2001: what red-cyan
# glasses need so that each eye sees the least of the other's picture. Linear light, rows red,
# green, blue.
_LEFT = ((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017))
_RIGHT = ((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234))


class StereoLayout(StrEnum):
    """How the eyes' pictures are put together."""

    ANAGLYPH = "anaglyph"
    SIDE_BY_SIDE = "side_by_side"


class StereoOptions(Options):
    """How deep the picture is; what is nearer than ``screen_plane`` stands before the screen."""

    renamed: ClassVar[Mapping[str, str]] = {"still": "screen_plane"}

    format: PictureFormat = Field(PictureFormat.JPEG, description="Kind of picture.")
    layout: StereoLayout = Field(
        StereoLayout.ANAGLYPH, description="For red-cyan glasses, or two pictures."
    )
    amplitude: float = ranged(0.03, 0, 0.1, "How far near and far part, as a share of the width.")
    screen_plane: float = ranged(0.6, 0, 1, "Nearness that lies in the screen's plane.")
    crossed: bool = Field(
        False, description="Side by side for crossed eyes: right eye's on the left."
    )
    max_side: int = ranged(1280, 64, 4096, "Longest side of one eye's picture.")


def stereo_pair(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> tuple[Rgb, Rgb]:
    """The left and the right eye's picture, ``(h, w, 3)`` uint8 RGB each.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. Near things lie farther right in
    the left eye's picture than in the right eye's.
    """
    width, _ = bounded_size(pixels.shape[1], pixels.shape[0], options.max_side)
    half = options.amplitude * width / 2
    # The scene itself is not kept: its nearness is the fifth part of the memory.
    layers = split_layers(
        make_scene(pixels, depth, options.max_side), math.ceil(half) + _EDGE_PIXELS
    )
    left, right = (
        render_view(layers, View(right=shift, still=options.screen_plane))
        for shift in (half, -half)
    )
    rim = math.ceil(half * max(options.screen_plane, 1 - options.screen_plane))
    rim = min(rim, (width - 1) // 2)
    return left[:, rim : width - rim], right[:, rim : width - rim]


def side_by_side(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> Rgb:
    """Both eyes' pictures beside one another, ``(h, 2 w, 3)`` uint8 RGB."""
    left, right = stereo_pair(pixels, depth, options)
    return np.concatenate((right, left) if options.crossed else (left, right), axis=1)


def anaglyph(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> Rgb:
    """One picture for glasses with red on the left eye and cyan on the right, ``(h, w, 3)``."""
    left, right = stereo_pair(pixels, depth, options)
    mixed = np.empty_like(left)
    for strip in strips_in_turn(mixed.shape):
        both = _mixed(left[strip.rows], _LEFT) + _mixed(right[strip.rows], _RIGHT)
        mixed[strip.rows] = to_srgb(both)
    return mixed


def _mixed(pixels: Rgb, matrix: tuple[tuple[float, ...], ...]) -> NDArray[np.float32]:
    return np.asarray(to_linear(pixels) @ np.array(matrix, np.float32).T, np.float32)


def stereo_picture(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> Rgb:
    """The picture of the layout that ``options`` has, ``(h, w, 3)`` uint8 RGB."""
    render = anaglyph if options.layout is StereoLayout.ANAGLYPH else side_by_side
    return render(pixels, depth, options)


def _make(source: Source, options: StereoOptions) -> bytes:
    picture = stereo_picture(source.pixels, source.depth, options)
    return encode_picture(picture, options.format)


def _working_bytes(options: StereoOptions, pixels: int) -> int:
    """Measured by `python -m load_tests.effects --peaks`; a tenth in reserve."""
    # Only WebP's encoder holds more than the views did.
    two_in_webp = options.layout is StereoLayout.SIDE_BY_SIDE and options.format == "webp"
    return bytes_in_turn(pixels, 30 if two_in_webp else 23, 80)


STEREO = Effect(
    name="stereo",
    summary="A picture for two eyes",
    description="Show the photo in three dimensions, for red-cyan glasses or side by side.",
    options=StereoOptions,
    media_types=MEDIA_TYPES,
    side=lambda options: options.max_side,
    working_bytes=_working_bytes,
    pictures=lambda options: 2,
    make=_make,
)
