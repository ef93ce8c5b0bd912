"""Requests of the Open Inference Protocol, as JSON and by tritonclient."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import tritonclient.http as triton
from numpy.typing import NDArray

from service.imaging.network_input import network_input
from service.models.choice import NetworkChoice
from service.models.served_networks import ServedNetworks
from service.settings import Settings
from tests.support.photos import photo_bytes

MODEL = "depth_lite_256"
INFER = f"/v2/models/{MODEL}/infer"
COFFEE = photo_bytes("coffee.png")  # 600 x 400


def images(*photos: bytes, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput("image", [len(photos)], "BYTES")
    tensor.set_data_from_numpy(np.array(photos, np.object_), binary_data=binary)
    return tensor


def network_inputs(batch: NDArray[np.float32], binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput("input", list(batch.shape), "FP32")
    tensor.set_data_from_numpy(batch, binary_data=binary)
    return tensor


def message(**changes: Any) -> dict[str, Any]:
    """A request with the coffee photo, or with these changes to its tensor."""
    tensor = {
        "name": "image",
        "shape": [1],
        "datatype": "BYTES",
        "data": [base64.b64encode(COFFEE).decode()],
    }
    return {"inputs": [tensor | changes]}


def coffee_tensor() -> NDArray[np.float32]:
    """At the network's usual size, as a client learns it from ``/v1/models``."""
    rule = ServedNetworks.of(Settings()).choose(NetworkChoice(MODEL)).input_rule
    return network_input(COFFEE, rule).tensor[np.newaxis]
