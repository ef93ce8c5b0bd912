"""``resolution`` and ``quality`` on every call that runs a network on a photo."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

from service.models.choice import NetworkChoice
from service.models.spec import Quality
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess

MOTORCYCLE = photo_bytes("motorcycle_left.png")
# Of a photo of 741x500, by the embedded network's rule.
INPUTS = {
    **{"resolution=128": (96, 160), "resolution=256": (224, 320)},
    **{"quality=best": (224, 352), "quality=balanced": (224, 320)},
}


def post(server: ServerProcess, path: str) -> httpx.Response:
    return server.client.post(path, files={"image": MOTORCYCLE})


def network_map(server: ServerProcess, query: str) -> np.ndarray:
    answer = post(server, f"/v1/depth?format=npy&size=network&{query}")
    assert answer.status_code == 200, answer.text
    return np.asarray(np.load(io.BytesIO(answer.content)))


@pytest.mark.parametrize(("query", "shape"), INPUTS.items())
def test_the_network_is_shown_the_size_asked_for(
    server: ServerProcess, query: str, shape: tuple[int, int]
) -> None:
    assert network_map(server, query).shape == shape


def test_a_map_is_twice_as_large_where_a_photo_has_more_detail(server: ServerProcess) -> None:
    def side_of(photo: int, detail: str) -> int:
        answer = server.client.post(
            f"/v1/depth.json?size=network&detail={detail}",
            files={"image": as_bytes(Image.new("RGB", (photo, photo), "grey"))},
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["width"])

    usual = side_of(1000, "normal")
    most = int(1.2 * usual)
    assert side_of(most, "high") == side_of(most, "normal") == usual
    assert side_of(most + 1, "high") == 2 * usual


@pytest.mark.parametrize(("precision", "size"), [("fp32", 256), ("int8", 288)])
def test_without_either_the_size_is_the_precision_s(
    cache_dir: Path, precision: str, size: int
) -> None:
    """int8 is so much faster that it sees more, and is faster still."""
    with ServerProcess(cache_dir=str(cache_dir), precision=precision) as server:
        usual = network_map(server, "")
        assert np.array_equal(usual, network_map(server, f"resolution={size}"))
        listed = server.client.get("/v1/models/depth_lite_256").json()
    assert usual.shape == INPUTS["quality=balanced" if size == 256 else "quality=best"]
    assert listed["input"]["target"] == size


def test_the_command_line_answers_the_same(server: ServerProcess, settings: Settings) -> None:
    network = OfflineNetwork(NetworkChoice(quality=Quality.FAST), settings)
    ours = network.depth(MOTORCYCLE, OutputSize.NETWORK).values
    assert np.allclose(ours, network_map(server, "quality=fast"), atol=1e-5)
    smaller = OfflineNetwork(NetworkChoice(resolution=128), settings)
    ranged = smaller.depth(MOTORCYCLE, OutputSize.NETWORK)
    assert (ranged.height, ranged.width) == INPUTS["resolution=128"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("resolution=127", "128 to 512"),
        ("resolution=513", "128 to 512"),
        ("resolution=0", "greater"),
        ("resolution=256&quality=best", "not both"),
        ("quality=superb", "quality"),
        ("model=dpt_levit_224&resolution=256", "224 only"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/depth", "/v1/effects/portrait"])
def test_what_a_network_does_not_take_is_refused(
    server: ServerProcess, path: str, query: str, why: str
) -> None:
    answer = post(server, f"{path}?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert why in answer.json()["detail"]


def test_an_effect_uses_the_depth_of_that_size(server: ServerProcess) -> None:
    answers = {
        quality: post(server, f"/v1/effects/relief?quality={quality}") for quality in Quality
    }
    assert {answer.status_code for answer in answers.values()} == {200}
    assert len({answer.headers["x-depth-max"] for answer in answers.values()}) == len(Quality)


def test_a_stream_uses_that_size(server: ServerProcess) -> None:
    address = server.url.replace("http", "ws") + "/v1/stream?format=npy&resolution=128"
    with connect(address) as stream:
        stream.send(MOTORCYCLE)
        head = json.loads(stream.recv())
    assert (head["height"], head["width"]) == INPUTS["resolution=128"]


def test_sizes_and_their_work_are_listed(server: ServerProcess) -> None:
    models = {one["name"]: one for one in server.client.get("/v1/models").json()["models"]}
    sizes = models["depth_anything_v2_vits"]["resolutions"]
    assert sizes["best"] == {"resolution": 518, "gflop": 115.3}
    assert sizes["fast"]["gflop"] < sizes["balanced"]["gflop"] < sizes["best"]["gflop"]
    assert models["dpt_levit_224"]["resolutions"] is None
    for one in models.values():
        named = one["resolutions"] or {name: {"gflop": one["gflop"]} for name in one["qualities"]}
        by_size = {name: named[name]["gflop"] for name in ("fast", "balanced", "best")}
        if one["name"] == "zoedepth_n":  # Whose best is not a size, but two runs.
            by_size["best"] *= 2
        assert one["qualities"] == pytest.approx(by_size)


def test_the_setting_is_the_default_network_s(cache_dir: Path) -> None:
    with ServerProcess(cache_dir=str(cache_dir), resolution="128") as server:
        assert network_map(server, "").shape == INPUTS["resolution=128"]
        assert network_map(server, "quality=best").shape == INPUTS["quality=best"]
