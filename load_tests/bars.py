"""How many true distances the error bars of metres hold, which claim about 95%.

    python -m load_tests.bars

The motorcycle of scikit-image, and made-up scenes with exact depth, covered with its photos.
Writes results/bars.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.random import Generator
from numpy.typing import NDArray

from load_tests.machine import machine_facts, write_result
from service.errors import InvalidParameter
from service.evaluation.pairs import motorcycle
from service.geometry.calibration import Anchor, calibrate
from service.imaging.depth_map import DepthMap
from service.models.choice import NetworkChoice
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from training.dataset import read_photo
from training.scenes import make_scene

_MODEL = "depth_lite_256"
_ANCHORS = (2, 3, 5)
_SCENES = 24
_COVERINGS = ("astronaut.png", "brick.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png")
_FITS, _CHECKED = 100, 500
# People measure rooms and yards; the sky of a scene is at 60 m.
_FARTHEST_METRES = 30.0


def main() -> None:
    network = OfflineNetwork(NetworkChoice(_MODEL), Settings())
    pair = motorcycle()
    depth = network.depth(pair.photo.read_bytes(), OutputSize.ORIGINAL)
    photo = _held(depth, pair.truth, np.random.default_rng(0))
    scenes = [
        _held(network.depth(data, OutputSize.ORIGINAL), truth, random)
        for data, truth, random in _scenes()
    ]
    print(
        f"{machine_facts()['date']}, {_MODEL}: true distances within the bars; they claim about 95%"
    )
    print(f"{'points':>6} {'motorcycle':>10} {'scenes':>7} {'worst of':>8} {_SCENES}")
    figures = {}
    for number, count in enumerate(_ANCHORS):
        shares = [scene[number] for scene in scenes]
        mean, worst = float(np.mean(shares)), min(shares)
        print(f"{count:>6} {photo[number]:>10.1%} {mean:>7.1%} {worst:>8.1%}")
        figures[count] = {"motorcycle": photo[number], "scenes": mean, "worst_scene": worst}
    write_result("bars", {"model": _MODEL, "points": figures})


def _scenes() -> Iterator[tuple[bytes, NDArray[np.float32], Generator]]:
    """Photo as PNG, metres ``(h, w)``, and the numbers to go on with."""
    folder = Path(skimage.data.__file__).parent
    photos = [read_photo(folder / name) for name in _COVERINGS]
    for number in range(_SCENES):
        random = np.random.default_rng([7, number])
        scene = make_scene(photos, random)
        _, png = cv2.imencode(".png", cv2.cvtColor(scene.photo, cv2.COLOR_RGB2BGR))
        yield png.tobytes(), np.reciprocal(scene.inverse_depth), random


def _held(depth: DepthMap, truth: NDArray[np.float32], random: Generator) -> list[float]:
    """Share of distances within the bars, for each number of points; these are exact, at random."""
    places = np.argwhere((truth > 0) & (truth < _FARTHEST_METRES))
    shares = []
    for count in _ANCHORS:
        held = []
        for _ in range(_FITS):
            chosen = random.choice(places, count)
            anchors = [Anchor(float(x), float(y), float(truth[y, x])) for y, x in chosen]
            try:
                low, high = calibrate(depth, anchors).bounds(depth)
            except InvalidParameter:
                continue  # The service refuses them, too: too alike, or against the map's order.
            at = tuple(random.choice(places, _CHECKED).T)
            held.append(float(((low[at] <= truth[at]) & (truth[at] <= high[at])).mean()))
        shares.append(float(np.mean(held)))
    return shares


if __name__ == "__main__":
    main()
