"""Still pictures for two eyes: red-cyan anaglyph, and both in one frame or apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from service.effects.light import to_linear, to_srgb
from service.effects.record import Effect, Source
from service.errors import InvalidParameter
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import make_scene
from service.imaging.archive import zip_of
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
    SBS = "sbs"
    HALF_SBS = "half-sbs"
    TB = "tb"
    HALF_TB = "half-tb"
    PAIR = "pair"


@dataclass(frozen=True)
class _Frame:
    """Both eyes' pictures along one ``axis`` of an array, each squeezed to half of it or not.

    ``tag`` and ``crossed_tag`` end the file's name: players tell the layout by it.
    """

    axis: int
    tag: str
    crossed_tag: str
    halved: bool = False


_FRAMES = {
    StereoLayout.SBS: _Frame(1, "_LR", "_RL"),
    StereoLayout.HALF_SBS: _Frame(1, "_Half_SBS", "_Half_RL", halved=True),
    StereoLayout.TB: _Frame(0, "_TB", "_BT"),
    StereoLayout.HALF_TB: _Frame(0, "_Half_OU", "_Half_BT", halved=True),
}
PICTURE_LAYOUTS = (StereoLayout.ANAGLYPH, *_FRAMES)
"""Those that are one picture."""

_OLD_LAYOUTS = {"side_by_side": StereoLayout.SBS}


class StereoOptions(Options):
    """How deep the picture is; what is nearer than ``screen_plane`` stands before the screen."""

    renamed: ClassVar[Mapping[str, str]] = {"still": "screen_plane"}

    format: PictureFormat = Field(PictureFormat.JPEG, description="Kind of picture.")
    layout: StereoLayout = Field(
        StereoLayout.ANAGLYPH,
        description="`anaglyph` for red-cyan glasses; `sbs` side by side and `tb` top and bottom, "
        "left eye first; `half-sbs` and `half-tb` the same squeezed into one picture's frame; "
        "`pair` a ZIP of two pictures.",
    )
    amplitude: float = ranged(0.03, 0, 0.1, "How far near and far part, as a share of the width.")
    screen_plane: float = ranged(0.6, 0, 1, "Nearness that lies in the screen's plane.")
    crossed: bool = Field(
        False, description="Right eye first, for crossed eyes; not of `anaglyph` and `pair`."
    )
    max_side: int = ranged(1920, 64, 4096, "Longest side of one eye's picture.")

    @field_validator("layout", mode="before")
    @classmethod
    def _rename_layout(cls, value: object) -> object:
        return _OLD_LAYOUTS.get(value, value) if isinstance(value, str) else value


def stereo_pair(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> tuple[Rgb, Rgb]:
    """The left and the right eye's picture, ``(h, w, 3)`` uint8 RGB each, of the photo's size.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. Near things lie farther right in
    the left eye's picture than in the right eye's. What would lie outside the photo is cut off on
    all sides alike, and the rest enlarged.
    """
    width, _ = bounded_size(pixels.shape[1], pixels.shape[0], options.max_side)
    # Of the width: how far the nearest or the farthest point moves for a shift of 1.
    deepest = max(options.screen_plane, 1 - options.screen_plane)
    # Enlarging parts things more, to the amplitude that was asked for.
    half = options.amplitude * width / 2 / (1 + options.amplitude * deepest)
    # The scene itself is not kept: its nearness is the fifth part of the memory.
    layers = split_layers(
        make_scene(pixels, depth, options.max_side), math.ceil(half) + _EDGE_PIXELS
    )
    rim = half * deepest / width
    left, right = (
        _without_rim(render_view(layers, View(right=shift, still=options.screen_plane)), rim)
        for shift in (half, -half)
    )
    return left, right


def _without_rim(picture: Rgb, rim: float) -> Rgb:
    """``picture`` without ``rim``, a share of each side, enlarged to the size it had."""
    height, width = picture.shape[:2]
    shown = 1 - 2 * rim
    # Where a pixel's centre lies in the picture before.
    places = np.array(
        [
            [shown, 0, rim * width + (shown - 1) / 2],
            [0, shown, rim * height + (shown - 1) / 2],
        ]
    )
    enlarged = cv2.warpAffine(
        picture,
        places,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(enlarged, np.uint8)


def _framed(left: Rgb, right: Rgb, frame: _Frame, crossed: bool) -> Rgb:
    """Both eyes' pictures in one; odd sides lose half a pixel where they are halved."""
    if frame.halved:
        sides = [left.shape[1], left.shape[0]]
        sides[1 - frame.axis] = max(1, sides[1 - frame.axis] // 2)
        left, right = (
            np.asarray(cv2.resize(eye, sides, interpolation=cv2.INTER_AREA), np.uint8)
            for eye in (left, right)
        )
    return np.concatenate((right, left) if crossed else (left, right), axis=frame.axis)


def _anaglyph(left: Rgb, right: Rgb) -> Rgb:
    """One picture for glasses with red on the left eye and cyan on the right."""
    mixed = np.empty_like(left)
    for strip in strips_in_turn(mixed.shape):
        both = _mixed(left[strip.rows], _LEFT) + _mixed(right[strip.rows], _RIGHT)
        mixed[strip.rows] = to_srgb(both)
    return mixed


def _mixed(pixels: Rgb, matrix: tuple[tuple[float, ...], ...]) -> NDArray[np.float32]:
    return np.asarray(to_linear(pixels) @ np.array(matrix, np.float32).T, np.float32)


def stereo_picture(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> Rgb:
    """The picture of the layout that ``options`` has, uint8 RGB.

    ``(h, w, 3)`` for an anaglyph and the halved layouts, ``(h, 2 w, 3)`` side by side,
    ``(2 h, w, 3)`` top and bottom. Raises :class:`InvalidParameter` for ``pair``, which is two.
    """
    if options.layout is StereoLayout.PAIR:
        raise InvalidParameter("pair is not one picture.")
    left, right = stereo_pair(pixels, depth, options)
    if options.layout is StereoLayout.ANAGLYPH:
        return _anaglyph(left, right)
    return _framed(left, right, _FRAMES[options.layout], options.crossed)


def _make(source: Source, options: StereoOptions) -> bytes:
    if options.layout is not StereoLayout.PAIR:
        picture = stereo_picture(source.pixels, source.depth, options)
        return encode_picture(picture, options.format)
    eyes = zip("LR", stereo_pair(source.pixels, source.depth, options), strict=True)
    return zip_of(
        {
            f"stereo_{name}.{options.format}": encode_picture(eye, options.format)
            for name, eye in eyes
        }
    )


def _file_tag(options: StereoOptions) -> str:
    if (frame := _FRAMES.get(options.layout)) is None:
        return f"_{options.layout}"
    return frame.crossed_tag if options.crossed else frame.tag


def _working_bytes(options: StereoOptions, pixels: int) -> int:
    """Measured by `python -m load_tests.effects --peaks`; a tenth in reserve."""
    # Only WebP's encoder holds more than the views did.
    two_in_webp = options.layout in (StereoLayout.SBS, StereoLayout.TB) and options.format == "webp"
    return bytes_in_turn(pixels, 32 if two_in_webp else 26, 80)


STEREO = Effect(
    name="stereo",
    summary="A picture for two eyes",
    description="Show the photo in three dimensions: for red-cyan glasses, or a picture for each "
    "eye, in one frame as players take it, or apart.",
    options=StereoOptions,
    media_types=MEDIA_TYPES,
    side=lambda options: options.max_side,
    working_bytes=_working_bytes,
    pictures=lambda options: 2,
    make=_make,
    zipped=lambda options: options.layout is StereoLayout.PAIR,
    file_tag=_file_tag,
    kind_options=("format", "layout"),
    only_for={"crossed": tuple(_FRAMES)},
)
