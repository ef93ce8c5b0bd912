"""The service without torch, as ``make serve-slim`` runs it: nothing was converted here before."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

PHOTO = photo_bytes("coffee.png")


def depth(server: ServerProcess) -> np.ndarray:
    answer = server.client.post("/v1/depth?format=npy", files={"image": PHOTO})
    assert answer.status_code == 200, answer.text
    return np.asarray(np.load(io.BytesIO(answer.content)))


def test_the_embedded_network_is_served_as_it_ships(server: ServerProcess, tmp_path: Path) -> None:
    with ServerProcess(module="tests.support.without_torch", cache_dir=str(tmp_path)) as slim:
        shipped, converted = depth(slim), depth(server)
        assert "differs from torch fp32 by" in slim.log()
        assert slim.client.get("/v1/models/depth_lite_256").json()["engine"] == "openvino"
    # On a CPU with bfloat16 both run in it.
    assert np.abs(shipped - converted).mean() < 0.005 * np.ptp(converted)
