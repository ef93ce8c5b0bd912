"""The pictures of docs/effects.md: what else the effects make of the coffee, labelled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Make = Callable[..., bytes]
"""The answer of a route to a photo, by its query parameters."""

_WIDTH = 300
_GAP = 6
_LABEL = 16
_QUALITY = 78
_OVERSAMPLING = 2
# Towards the lamp: x right, y up, z towards the viewer.
_LAMP = np.array([-0.6, 0.45, 0.66])


def write_effect_pictures(make: Make, folder: Path) -> list[Path]:
    """Make them all; returns their files."""
    sheets = {
        "stereo": _stereo(make),
        "solids": _solids(make),
        "normals": _pair(make, "effects/relief", "y", ("up", "down"), format="normals"),
        "invert": _pair(make, "depth", "invert", ("false", "true"), colormap="gray"),
    }
    files = []
    for name, sheet in sheets.items():
        files.append(folder / f"effects_{name}.jpg")
        sheet.save(files[-1], quality=_QUALITY, optimize=True)
    files.append(folder / "effects_parallax.webp")
    living = make("effects/parallax", max_side=160, frames=12, amplitude=0.06, seconds=2)
    files[-1].write_bytes(living)
    return files


def _stereo(make: Make) -> Image.Image:
    """Both eyes with lines at the same places in each, and the frames that hold them."""
    query = {"amplitude": 0.08, "max_side": 2 * _WIDTH}
    with zipfile.ZipFile(io.BytesIO(make("effects/stereo", layout="pair", **query))) as pair:
        eyes = [_small(pair.read(name)) for name in sorted(pair.namelist())]
    for eye in eyes:
        draw = ImageDraw.Draw(eye)
        for share in (0.25, 0.5, 0.75):
            draw.line([(share * eye.width, 0), (share * eye.width, eye.height)], "white")
    rows = [_row(zip(("left eye", "right eye"), eyes, strict=True))]
    frames = ("sbs", "half-sbs", "tb", "half-tb", "anaglyph")
    pictures = [
        _opened(make("effects/stereo", layout=layout, **query | {"max_side": 256}))
        for layout in frames
    ]
    rows.append(
        _row(
            (name, _scaled(picture, picture.width / 2048 * rows[0].width / 0.78))
            for name, picture in zip(frames, pictures, strict=True)
        )
    )
    return _stacked(rows)


def _solids(make: Make) -> Image.Image:
    """STL files as they are opened: a plate, and a bare surface."""
    plate = make("effects/relief", format="stl", max_side=256, height_mm=14, base_mm=3)
    surface = make("effects/pointcloud", format="stl", max_side=192, edge=84, far_ratio=2)
    return _row(
        [
            ("relief, format=stl", _rendered(plate, 20, -35)),
            ("pointcloud, format=stl", _rendered(surface, 10, -4)),
        ]
    )


def _pair(
    make: Make, route: str, option: str, values: tuple[str, str], **query: str | float
) -> Image.Image:
    return _row(
        (f"{option}={value}", _small(make(route, **query, **{option: value}))) for value in values
    )


def _rendered(stl: bytes, turn: float, tip: float) -> Image.Image:
    """A solid in plaster, turned to the right and tipped forward by so many degrees."""
    solid: Any = trimesh.load(io.BytesIO(stl), file_type="stl")
    turned = _rotation(tip, (0, 1, 2)) @ _rotation(turn, (1, 2, 0))
    points = (solid.vertices - solid.bounds.mean(axis=0)) @ turned.T
    side = _OVERSAMPLING * _WIDTH
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.96 * side / (high[0] - low[0])
    height = round(scale * (high[1] - low[1]) / 0.94)
    places = np.stack(
        [
            (points[:, 0] - (low[0] + high[0]) / 2) * scale + side / 2,
            ((low[1] + high[1]) / 2 - points[:, 1]) * scale + height / 2,
        ],
        axis=1,
    )
    lit = np.clip(solid.face_normals @ turned.T @ (_LAMP / np.linalg.norm(_LAMP)), 0, 1)
    shades = np.rint(70 + 175 * lit).astype(int).tolist()
    picture = np.full((height, side), 255, np.uint8)
    corners = np.rint(places[solid.faces]).astype(np.int32)
    towards = (solid.face_normals @ turned.T)[:, 2] > 0
    # What is near is painted last.
    for face in points[solid.faces][..., 2].mean(axis=1).argsort():
        if not towards[face]:
            continue
        cv2.fillConvexPoly(picture, corners[face], shades[face])
    return _scaled(Image.fromarray(picture).convert("RGB"), _WIDTH)


def _rotation(degrees: float, axes: tuple[int, int, int]) -> NDArray[np.float64]:
    """About the first of the axes, from the second towards the third."""
    _, second, third = axes
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    matrix[second, second] = matrix[third, third] = cosine
    matrix[third, second], matrix[second, third] = sine, -sine
    return matrix


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _small(data: bytes) -> Image.Image:
    return _scaled(_opened(data), _WIDTH)


def _scaled(picture: Image.Image, width: float) -> Image.Image:
    size = round(width), round(picture.height * width / picture.width)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _row(
    pictures: Iterator[tuple[str, Image.Image]] | list[tuple[str, Image.Image]],
) -> Image.Image:
    """Pictures beside one another, each below its label."""
    labelled = list(pictures)
    width = sum(picture.width + _GAP for _, picture in labelled) - _GAP
    height = max(picture.height for _, picture in labelled) + _LABEL
    row = Image.new("RGB", (width, height), "white")
    draw, at = ImageDraw.Draw(row), 0
    for label, picture in labelled:
        draw.text((at + 1, 2), label, "black")
        row.paste(picture, (at, _LABEL))
        at += picture.width + _GAP
    return row


def _stacked(rows: list[Image.Image]) -> Image.Image:
    width = max(row.width for row in rows)
    sheet = Image.new("RGB", (width, sum(row.height + _GAP for row in rows) - _GAP), "white")
    at = 0
    for row in rows:
        sheet.paste(row, (0, at))
        at += row.height + _GAP
    return sheet
