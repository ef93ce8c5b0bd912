"""Still pictures for two eyes: red-cyan anaglyph, and side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.effects.light import to_linear, to_srgb
from service.geometry.novel_view import View, render_view, split_layers
from service.geometry.scene import make_scene
from service.imaging.depth_map import DepthMap
from service.imaging.limits import check_range
from service.imaging.strips import strips_in_turn
from service.imaging.transforms import Rgb

_EDGE_PIXELS = 3

# Dubois, "A Projection Method to Generate Anaglyph Stereo Images", ICASSP 2001: what red-cyan
# glasses need so that each eye sees the least of the other's picture. Linear light, rows red,
# green, blue.
_LEFT = ((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017))
_RIGHT = ((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234))


@dataclass(frozen=True)
class StereoOptions:
    """How deep the picture is.

    ``amplitude``: how far the eyes' pictures of the nearest and the farthest things part, as a
    share of the width, 0..0.1. ``still``: nearness that lies in the screen's plane, 0..1; what is
    nearer stands before it. ``crossed``: side by side for crossed eyes (right eye's picture on the
    left). ``max_side``: longest side of one eye's picture in pixels, 64..4096. Out of range raises
    :class:`InvalidParameter`.
    """

    amplitude: float = 0.03
    still: float = 0.6
    crossed: bool = False
    max_side: int = 1280

    def __post_init__(self) -> None:
        check_range("amplitude", self.amplitude, 0, 0.1)
        check_range("still", self.still, 0, 1)
        check_range("max_side", self.max_side, 64, 4096)


def stereo_pair(pixels: Rgb, depth: DepthMap, options: StereoOptions) -> tuple[Rgb, Rgb]:
    """The left and the right eye's picture, ``(h, w, 3)`` uint8 RGB each.

    ``pixels`` ``(h, w, 3)`` uint8 RGB; ``depth`` of any size. Near things lie farther right in
    the left eye's picture than in the right eye's.
    """
    scene = make_scene(pixels, depth, options.max_side)
    half = options.amplitude * scene.width / 2
    layers = split_layers(scene, math.ceil(half) + _EDGE_PIXELS)
    left, right = (
        render_view(layers, View(right=shift, still=options.still)) for shift in (half, -half)
    )
    rim = math.ceil(half * max(options.still, 1 - options.still))
    rim = min(rim, (scene.width - 1) // 2)
    return left[:, rim : scene.width - rim], right[:, rim : scene.width - rim]


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
