"""What a user would write instead of this service: OpenCV, torch, INFERNO, PNG.

The demo's few lines, with the official input transform and the network of the service.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from service.models.checkpoint import load_network
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore


class PlainScript:
    """One photo after the other through torch eager fp32."""

    def __init__(self, spec: NetworkSpec, weights_dir: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        self._rule = spec.input_rule
        self._network = load_network(spec, WeightsStore(weights_dir).verify(spec).path)

    def __call__(self, photo: Path) -> bytes:
        """A photo file in, its heatmap as PNG out."""
        image = np.asarray(cv2.imread(str(photo)))[..., ::-1]
        height, width = image.shape[:2]
        size = self._rule.network_size(width, height)
        resized = cv2.resize(np.asarray(image / 255.0), size, interpolation=cv2.INTER_CUBIC)
        normalised = (resized - self._rule.mean) / self._rule.std
        batch = torch.from_numpy(normalised.transpose(2, 0, 1)[np.newaxis].astype(np.float32))
        with torch.no_grad():
            depth = torch.nn.functional.interpolate(
                self._network(batch)[:, None], (height, width), mode="bicubic"
            )[0, 0].numpy()
        scaled = (depth - depth.min()) / (depth.max() - depth.min())
        heatmap = cv2.applyColorMap((255 * scaled).astype(np.uint8), cv2.COLORMAP_INFERNO)
        return cv2.imencode(".png", heatmap)[1].tobytes()
