"""The HTTP contract on real photos, against a real server."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.render import heat_indices
from service.imaging.transforms import to_image_size
from service.inference.engines.conversion import ConvertedNetwork
from service.inference.engines.selection import LoadedNetwork
from service.models.choice import NetworkChoice
from service.observability.context import STAGES
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineNetwork
from service.settings import Precision, Settings
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

COFFEE = photo_bytes("coffee.png")  # 600 x 400, a cup on a table
WIDTH, HEIGHT = 600, 400


@pytest.fixture(scope="module")
def expected(embedded: LoadedNetwork) -> NDArray[np.float32]:
    """The coffee photo's depth at the network's size, computed without the server."""
    tensor = network_input(COFFEE, embedded.spec.input_rule).tensor
    return np.asarray(embedded.engine.infer(tensor[np.newaxis])[0])


def depth_of(server: ServerProcess, **query: str) -> NDArray[np.float32]:
    response = server.client.post(
        "/v1/depth", params={"format": "npy", **query}, files={"image": COFFEE}
    )
    assert response.status_code == 200, response.text
    return np.asarray(np.load(io.BytesIO(response.content)))


def test_npy(server: ServerProcess, expected: NDArray[np.float32]) -> None:
    full = depth_of(server)
    assert full.shape == (HEIGHT, WIDTH)
    assert np.allclose(full, to_image_size(expected, WIDTH, HEIGHT), atol=1e-5)
    assert np.allclose(depth_of(server, size="network"), expected, atol=1e-5)


def test_heatmap(server: ServerProcess, expected: NDArray[np.float32]) -> None:
    response = server.client.post("/v1/depth", files={"image": ("cup.png", COFFEE)})
    assert response.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))
    kind = DepthKind.RELATIVE_INVERSE_DEPTH
    depth = DepthMap(to_image_size(expected, WIDTH, HEIGHT), kind, "depth_lite_256")
    bgr = cv2.applyColorMap(heat_indices(depth), cv2.COLORMAP_INFERNO)
    assert np.abs(picture.astype(int) - bgr[..., ::-1]).max() <= 2


def test_near_is_warm_and_far_is_dark(server: ServerProcess) -> None:
    """The cup's rim and the spoon in front are nearer than the table's far edge."""
    response = server.client.post("/v1/depth", files={"image": COFFEE})
    picture = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB")).astype(int)
    near, far = picture[300:380, 250:450], picture[0:60, 0:200]
    assert near[..., 0].mean() > 200
    assert far.mean() < near.mean() / 2


def test_depth16(server: ServerProcess) -> None:
    response = server.client.post("/v1/depth?format=depth16", files={"file": COFFEE})
    assert response.headers["content-type"] == "image/png"
    encoded = np.frombuffer(response.content, np.uint8)
    pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))
    assert pixels.dtype == np.uint16
    assert pixels.shape == (HEIGHT, WIDTH)
    low, high = (float(response.headers[f"x-depth-{end}"]) for end in ("min", "max"))
    assert np.allclose(low + pixels / 65535 * (high - low), depth_of(server), atol=1e-4)


def test_json(server: ServerProcess, expected: NDArray[np.float32]) -> None:
    response = server.client.post(
        "/v1/depth", headers={"Accept": "application/json"}, files={"image": COFFEE}
    )
    body = response.json()
    assert body["model"] == "depth_lite_256"
    assert (body["kind"], body["unit"]) == ("relative_inverse_depth", None)
    assert (body["height"], body["width"]) == expected.shape
    assert np.allclose(body["depth"], expected, atol=1e-4)


@pytest.mark.parametrize(
    "query", ["", "size=original&encoding=base64", "anchors=0.5,0.9,0.6;0.5,0.1,3&quality=fast"]
)
def test_json_has_an_address_of_its_own(server: ServerProcess, query: str) -> None:
    photo = {"image": COFFEE}
    asked = server.client.post(f"/v1/depth?format=json&{query}", files=photo)
    typed = server.client.post(f"/v1/depth.json?{query}", files=photo, headers={"Accept": "*/*"})
    assert (typed.status_code, typed.headers["content-type"]) == (200, "application/json")
    assert typed.content == asked.content


@pytest.mark.parametrize("query", ["format=npy", "colormap=jet"])
def test_json_of_its_own_address_has_neither_format_nor_colours(
    server: ServerProcess, query: str
) -> None:
    answer = server.client.post(f"/v1/depth.json?{query}", files={"image": COFFEE})
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")


def test_json_base64_at_the_photos_size(server: ServerProcess) -> None:
    body = server.client.post(
        "/v1/depth?format=json&encoding=base64&size=original", files={"image": COFFEE}
    ).json()
    values = np.frombuffer(base64.b64decode(body["depth"]), body["dtype"])
    assert np.allclose(values.reshape(HEIGHT, WIDTH), depth_of(server), atol=1e-5)


@pytest.mark.parametrize("media_type", ["image/png", "application/octet-stream", "image/jpeg", ""])
def test_raw_body_equals_multipart(server: ServerProcess, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    raw = server.client.post("/v1/depth", content=COFFEE, headers=headers)
    form = server.client.post("/v1/depth", files={"image": COFFEE})
    assert raw.status_code == 200
    assert raw.content == form.content


def test_chunked_body(server: ServerProcess) -> None:
    pieces = (COFFEE[i : i + 10_000] for i in range(0, len(COFFEE), 10_000))
    response = server.client.post(
        "/v1/depth", content=pieces, headers={"Content-Type": "image/png"}
    )
    assert response.status_code == 200


def test_a_client_that_offers_http2_keeps_its_body(server: ServerProcess) -> None:
    upgrade = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABk",
    }
    response = server.client.post("/v1/depth", files={"image": COFFEE}, headers=upgrade)
    assert response.status_code == 200


def test_repeated_accept_headers_are_one_list(server: ServerProcess) -> None:
    response = server.client.post(
        "/v1/depth",
        files={"image": COFFEE},
        headers=[("Accept", "video/mp4"), ("Accept", "application/json")],
    )
    assert response.json()["model"] == "depth_lite_256"


def test_predict_is_the_demos_call(server: ServerProcess) -> None:
    response = server.client.post("/predict", files={"image": COFFEE})
    assert response.headers["content-type"] == "image/png"
    assert response.content == server.client.post("/v1/depth", files={"image": COFFEE}).content


def test_headers(server: ServerProcess) -> None:
    response = server.client.post(
        "/v1/depth", files={"image": COFFEE}, headers={"X-Request-ID": "order-17"}
    )
    assert response.headers["x-request-id"] == "order-17"
    assert response.headers["x-depth-model"] == "depth_lite_256"
    assert response.headers["x-depth-kind"] == "relative_inverse_depth"
    assert float(response.headers["x-depth-min"]) < float(response.headers["x-depth-max"])
    assert int(response.headers["x-batch-size"]) >= 1
    stages = [entry.split(";")[0] for entry in response.headers["server-timing"].split(", ")]
    assert stages == [stage for stage in STAGES if stage not in ("load", "effect", "send")]
    wait_until(lambda: "order-17" in server.log())  # Logged after the answer's last byte.


def test_colormap_and_normalization_change_the_picture_only(server: ServerProcess) -> None:
    pictures = {
        server.client.post(f"/v1/depth?{query}", files={"image": COFFEE}).content
        for query in (
            "colormap=inferno",
            "colormap=turbo",
            "invert=true",
            *("normalize=percentile", "normalize=percentile&low=10&high=90"),
        )
    }
    assert len(pictures) == 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_oriented_photo_gives_an_upright_map(server: ServerProcess, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = as_bytes(Image.open(io.BytesIO(COFFEE)), "JPEG", exif=exif)
    response = server.client.post("/v1/depth", files={"image": data})
    size = Image.open(io.BytesIO(response.content)).size
    assert size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_formats(server: ServerProcess, format: str) -> None:
    data = as_bytes(Image.open(io.BytesIO(COFFEE)), format)
    response = server.client.post("/v1/depth", files={"image": data})
    assert Image.open(io.BytesIO(response.content)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 5000), (5000, 1), (33, 31), (3000, 2000)])
def test_any_size_and_aspect_ratio(server: ServerProcess, size: tuple[int, int]) -> None:
    data = as_bytes(Image.open(io.BytesIO(COFFEE)).resize(size))
    response = server.client.post("/v1/depth", files={"image": data})
    assert response.status_code == 200, response.text
    assert Image.open(io.BytesIO(response.content)).size == size


def test_torch_engine_serves_the_same_depth(
    cache_dir: Path, settings: Settings, converted: ConvertedNetwork
) -> None:
    exact = settings.model_copy(update={"precision": Precision.FP32})
    network = OfflineNetwork(NetworkChoice("depth_lite_256"), exact)
    ours = network.depth(COFFEE, OutputSize.NETWORK).values
    with ServerProcess(cache_dir=str(cache_dir), engine="torch") as other:
        info, *_ = other.client.get("/v1/models").json()["models"]
        assert (info["engine"], info["precision"]) == ("torch", "fp32")
        theirs = depth_of(other, size="network")
    assert np.abs(theirs - ours).max() <= 1e-4 * np.ptp(theirs)
