"""Photo in, heatmap out, as users of serving frameworks write it, around the same network.

``Cv2Imaging`` is what a handler looks like in tutorials: OpenCV in, OpenCV out. ``OurImaging``
gives the framework this project's own decoding and encoding, so that only serving differs.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from service.imaging.depth_map import DepthMap
from service.imaging.formats import OutputFormat, encode
from service.imaging.network_input import NetworkInput, network_input
from service.imaging.transforms import DepthArray, to_image_size, to_tensor
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.registry import find_spec
from service.settings import Settings


class Imaging(Protocol):
    """The two ends of a handler."""

    def decode(self, data: bytes) -> NetworkInput: ...

    def encode(self, depth: DepthArray, photo: NetworkInput) -> bytes: ...


class Cv2Imaging:
    """OpenCV in and out."""

    def __init__(self, network: LoadedNetwork) -> None:
        self._rule = network.spec.input_rule

    def decode(self, data: bytes) -> NetworkInput:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        rgb = np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_BGR2RGB), dtype=np.uint8)
        height, width = rgb.shape[:2]
        size = self._rule.network_size(width, height)
        return NetworkInput(to_tensor(rgb, size, self._rule), width, height)

    def encode(self, depth: DepthArray, photo: NetworkInput) -> bytes:
        full = cv2.resize(depth, (photo.width, photo.height), interpolation=cv2.INTER_CUBIC)
        grey = cv2.normalize(full, np.empty(0), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
        return cv2.imencode(".png", cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO))[1].tobytes()


class OurImaging:
    """This project's imaging."""

    def __init__(self, network: LoadedNetwork) -> None:
        self._spec = network.spec

    def decode(self, data: bytes) -> NetworkInput:
        return network_input(data, self._spec.input_rule, scaled_decode=True)

    def encode(self, depth: DepthArray, photo: NetworkInput) -> bytes:
        full = to_image_size(depth, photo.width, photo.height)
        return encode(DepthMap(full, self._spec.kind, self._spec.name), OutputFormat.HEATMAP)


class Handler:
    """A network and its two ends."""

    def __init__(self, model: str, imaging: str) -> None:
        self.network = load_for_serving(find_spec(model), Settings())
        ends: dict[str, type[Cv2Imaging | OurImaging]] = {"cv2": Cv2Imaging, "ours": OurImaging}
        self.imaging: Imaging = ends[imaging](self.network)

    def infer(self, photos: list[NetworkInput]) -> list[DepthArray]:
        """Depth of photos; those of one shape share an inference call."""
        shapes = {photo.tensor.shape for photo in photos}
        if len(shapes) == 1:
            return list(self.network.engine.infer(np.stack([photo.tensor for photo in photos])))
        return [self.network.engine.infer(photo.tensor[np.newaxis])[0] for photo in photos]
