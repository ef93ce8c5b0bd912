"""The embedded network sees depth: against the true disparity of a real photo."""

from __future__ import annotations

import numpy as np

from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.engines.selection import LoadedNetwork
from tests.support.photos import photo_bytes, photo_path

# Calibration of the motorcycle scene (Middlebury 2014) at this size.
FOCAL_PIXELS, BASELINE_MM, DOFFS_PIXELS = 994.978, 193.001, 31.086
PAIRS = 200_000


def test_orders_point_pairs_of_the_motorcycle(embedded: LoadedNetwork) -> None:
    photo = network_input(photo_bytes("motorcycle_left.png"), embedded.spec.input_rule)
    depth = embedded.engine.infer(photo.tensor[np.newaxis])[0]
    estimate = to_image_size(depth, photo.width, photo.height)

    disparity = np.load(photo_path("motorcycle_disp.npz"))["arr_0"]
    known = np.isfinite(disparity) & (disparity > 0)
    depth = FOCAL_PIXELS * BASELINE_MM / (disparity[known] + DOFFS_PIXELS)
    nearness = estimate[known]

    rng = np.random.default_rng(0)
    first, second = rng.integers(0, depth.size, (2, PAIRS))
    ratio = depth[first] / depth[second]
    differ = (ratio > 1.1) | (ratio < 1 / 1.1)
    right = (depth[first] < depth[second]) == (nearness[first] > nearness[second])
    assert differ.sum() > PAIRS / 2
    assert right[differ].mean() >= 0.83
