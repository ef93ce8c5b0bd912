"""A sheet of photos beside their depth maps, for the model card.

    python -m training.pictures docs/images/depth_lite.jpg PHOTO ... [--weights FILE]

The embedded network's maps, unless ``--weights`` names another file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from service.imaging.contact_sheet import CaptionedMap, contact_sheet
from service.imaging.depth_map import DepthMap
from service.imaging.render import Colormap
from service.imaging.transforms import Rgb
from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR
from training.dataset import read_photo, write_photo
from training.evaluate import Predictor, predictor
from training.student import NAME, from_weights

_SPEC = find_spec(NAME)
_HEIGHT = 240
_COLUMNS = 2
_PAPER = 245


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, default=EMBEDDED_DIR / _SPEC.weights.file)
    arguments = parser.parse_args()
    predict = predictor(from_weights(arguments.weights))
    pictures = [_beside_its_map(read_photo(path), path.stem, predict) for path in arguments.photos]
    sheet = _grid(pictures)
    write_photo(arguments.output, sheet, jpeg_quality=85)


def _beside_its_map(photo: Rgb, name: str, predict: Predictor) -> Rgb:
    depth = DepthMap(predict(photo), _SPEC.kind, NAME)
    sheet = contact_sheet(photo, [CaptionedMap(depth, name)], Colormap.INFERNO)
    size = (round(sheet.shape[1] * _HEIGHT / sheet.shape[0]), _HEIGHT)
    return np.asarray(cv2.resize(sheet, size, interpolation=cv2.INTER_AREA), np.uint8)


def _grid(pictures: Sequence[Rgb]) -> Rgb:
    width = max(picture.shape[1] for picture in pictures)
    rows = -(-len(pictures) // _COLUMNS)
    sheet = np.full((rows * _HEIGHT, _COLUMNS * width, 3), _PAPER, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, _COLUMNS)
        x, y = column * width, row * _HEIGHT
        sheet[y : y + _HEIGHT, x : x + picture.shape[1]] = picture
    return sheet


if __name__ == "__main__":
    main()
