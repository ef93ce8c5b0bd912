"""The embedded network sees depth: against the true disparity of a real photo."""

from __future__ import annotations

import numpy as np

from service.evaluation.metrics import score
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.engines.selection import LoadedNetwork
from tests.support.depths import motorcycle_metres
from tests.support.photos import photo_bytes


def test_orders_point_pairs_of_the_motorcycle(embedded: LoadedNetwork) -> None:
    photo = network_input(photo_bytes("motorcycle_left.png"), embedded.spec.input_rule)
    depth = embedded.engine.infer(photo.tensor[np.newaxis])[0]
    estimate = to_image_size(depth, photo.width, photo.height)
    scores = score(DepthMap(estimate, embedded.spec.kind, "test"), motorcycle_metres())
    assert scores.ordinal <= 0.135
    assert scores.delta <= 0.13
