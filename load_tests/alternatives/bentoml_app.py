"""The same network behind BentoML, with its batching on."""

# BentoML reads the annotations of an API at run time, so they must not be postponed.

import os
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import ContentType

from load_tests.alternatives.handlers import Handler

_MODEL = os.environ.get("BENCH_MODEL", "depth_lite_256")
_IMAGING = os.environ.get("BENCH_IMAGING", "cv2")


@bentoml.service(workers=1, threads=4, traffic={"timeout": 120}, metrics={"enabled": False})
class Network:
    """The network, in a process of its own: BentoML batches calls between services."""

    def __init__(self) -> None:
        self._handler = Handler(_MODEL, _IMAGING)

    @bentoml.api(batchable=True, max_batch_size=4, max_latency_ms=2000)
    def infer(self, batch: np.ndarray) -> np.ndarray:
        return self._handler.network.engine.infer(np.ascontiguousarray(batch))


@bentoml.service(workers=1, threads=4, traffic={"timeout": 120}, metrics={"enabled": False})
class DepthService:
    """HTTP, decoding and encoding."""

    network = bentoml.depends(Network)

    def __init__(self) -> None:
        self._imaging = Handler(_MODEL, _IMAGING).imaging

    @bentoml.api
    async def predict(
        self, image: Annotated[Path, ContentType("image/*")]
    ) -> Annotated[Path, ContentType("image/png")]:
        photo = self._imaging.decode(image.read_bytes())
        (depth,) = await self.network.to_async.infer(photo.tensor[np.newaxis])
        answer = image.with_suffix(".png")
        answer.write_bytes(self._imaging.encode(depth, photo))
        return answer
