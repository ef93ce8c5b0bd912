"""Calls of the effects, and depth maps to send along."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

COFFEE = photo_bytes("coffee.png")  # 600 x 400, a cup on a table
SMALL: dict[str, dict[str, int]] = {
    "parallax": {"frames": 4, "size": 128},
    "pointcloud": {"max_side": 64},
}
"""What makes an effect of it small."""


def post_effect(
    server: ServerProcess, name: str, photo: bytes, depth: bytes | None = None, **query: Any
) -> httpx.Response:
    files = {"image": photo} | ({} if depth is None else {"depth": depth})
    return server.client.post(f"/v1/effects/{name}", params=query, files=files)


def depth_file(server: ServerProcess, photo: bytes, **query: str) -> bytes:
    """The photo's depth as a client would keep it."""
    answer = server.client.post("/v1/depth", params=query, files={"image": photo})
    assert answer.status_code == 200, answer.text
    return answer.content


def npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
