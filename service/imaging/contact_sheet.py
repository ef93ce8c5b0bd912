"""One photo and what several networks make of it, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.depth_map import DepthMap
from service.imaging.render import Colormap, heat_indices, palette
from service.imaging.transforms import Rgb, bounded_size, shrink

TILE_SIDE = 480
"""Longest side of one picture on the sheet."""

_CAPTION = 28
_GAP = 8
_PAPER = 245
_INK = (32, 32, 32)
_FONT_SCALE = 0.5


@dataclass(frozen=True)
class CaptionedMap:
    """A depth map of any size, and the line under it."""

    depth: DepthMap
    caption: str


def contact_sheet(photo: Rgb, maps: Sequence[CaptionedMap], colormap: Colormap) -> Rgb:
    """The photo ``(h, w, 3)`` uint8 and the maps' heatmaps in a grid, ``(h', w', 3)`` uint8."""
    size = bounded_size(photo.shape[1], photo.shape[0], TILE_SIDE)
    colours = np.frombuffer(palette(colormap), np.uint8).reshape(256, 3)
    pictures = [(shrink(photo, size), "photo")]
    for one in maps:
        heat = heat_indices(one.depth.resized(*size))
        pictures.append((colours[heat], one.caption))
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    width, height = size[0] + _GAP, size[1] + _CAPTION + _GAP
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), _PAPER, np.uint8)
    for index, (picture, caption) in enumerate(pictures):
        row, column = divmod(index, columns)
        x, y = _GAP + column * width, _GAP + row * height
        sheet[y : y + size[1], x : x + size[0]] = picture
        cv2.putText(
            sheet,
            caption,
            (x, y + size[1] + _CAPTION - 9),
            cv2.FONT_HERSHEY_SIMPLEX,
            _FONT_SCALE,
            _INK,
            1,
            cv2.LINE_AA,
        )
    return sheet
