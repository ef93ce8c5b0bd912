"""The photo that is measured on, and its depth."""

from __future__ import annotations

import numpy as np

from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.engines.selection import load_for_serving
from service.models.registry import find_spec
from service.models.spec import SAMPLE_PHOTO
from service.settings import Settings


def sample_depth(width: int, height: int) -> DepthMap:
    """The sample photo's depth at the given size."""
    spec = find_spec("depth_lite_256")
    network = load_for_serving(spec, Settings())
    photo = network_input(SAMPLE_PHOTO.read_bytes(), spec.input_rule)
    values = network.engine.infer(photo.tensor[np.newaxis])[0]
    return DepthMap(to_image_size(values, width, height), spec.kind, spec.name)
