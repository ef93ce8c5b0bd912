"""What effects make of photos by the weights of before and by the present ones, for the model card.

    python -m training.before_after docs/images/depth_lite_effects.jpg PHOTO ... --before FILE

Two rows a photo: before, and now. The heatmap, the portrait, the relief and red-cyan 3D.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from service.effects.catalog import EFFECTS
from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.render import Colormap, heat_indices, palette
from service.imaging.transforms import Rgb
from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR
from service.pipeline.effect import EffectOrder
from training.dataset import read_photo, write_photo
from training.evaluate import predictor
from training.student import NAME, from_weights

_SPEC = find_spec(NAME)
_SHOWN: Mapping[str, Mapping[str, Any]] = {
    "portrait": {"aperture": 1},
    "relief": {},
    "stereo": {"layout": "anaglyph"},
}
_WIDTH, _GAP, _QUALITY = 300, 4, 82


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, required=True, help="weights of before")
    arguments = parser.parse_args()
    weights = (arguments.before, EMBEDDED_DIR / _SPEC.weights.file)
    networks = [predictor(from_weights(file)) for file in weights]
    rows = [
        _row(photo, DepthMap(predict(photo), _SPEC.kind, NAME))
        for photo in map(read_photo, arguments.photos)
        for predict in networks
    ]
    write_photo(arguments.output, np.concatenate(rows), _QUALITY)


def _row(photo: Rgb, depth: DepthMap) -> Rgb:
    colours = np.frombuffer(palette(Colormap.INFERNO), np.uint8).reshape(256, 3)
    pictures = [colours[heat_indices(depth)]]
    pictures += [_made(name, options, photo, depth) for name, options in _SHOWN.items()]
    return np.concatenate([_tile(picture) for picture in pictures], axis=1)


def _made(name: str, options: Mapping[str, Any], photo: Rgb, depth: DepthMap) -> Rgb:
    effect = EFFECTS[name]
    order = EffectOrder(_SPEC, effect, effect.options(**options))
    whole = Photo(photo, photo.shape[1], photo.shape[0])
    made = np.frombuffer(order.make(whole, depth, 1).body, np.uint8)
    return np.asarray(cv2.imdecode(made, cv2.IMREAD_COLOR_RGB), np.uint8)


def _tile(picture: Rgb) -> Rgb:
    """As wide as all of them, with white to the right of it and below."""
    height = round(_WIDTH * picture.shape[0] / picture.shape[1])
    tile = np.full((height + _GAP, _WIDTH + _GAP, 3), 255, np.uint8)
    tile[:height, :_WIDTH] = cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    return tile


if __name__ == "__main__":
    main()
