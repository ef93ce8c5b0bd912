"""Several networks behind one server: kinds, licences, comparison, memory, metres and detail."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from service.models.registry import SPECS, find_spec
from service.models.weights import WeightsStore
from tests.conftest import MIDAS
from tests.golden.official import golden
from tests.support.conversions import converted_here
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

EMBEDDED, LERES = "depth_lite_256", "leres_res50"
MOTORCYCLE = photo_bytes("motorcycle_left.png")
WIDTH, HEIGHT = 741, 500


@pytest.fixture(scope="module")
def weights_dir(
    tmp_path_factory: pytest.TempPathFactory, cache_dir: Path, golden_checkpoint: Path
) -> Path:
    """Golden weights of two networks, added as a user's own, and converted."""
    folder = tmp_path_factory.mktemp("weights")
    # The file that other tests convert, too: a file of another name has other bytes.
    WeightsStore(folder).install_custom(find_spec(MIDAS), golden_checkpoint)
    path = folder / "checkpoint.pt"
    state = golden(LERES).state()
    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, path)
    WeightsStore(folder).install_custom(find_spec(LERES), path)
    path.unlink()
    for name in (MIDAS, LERES):
        converted_here(find_spec(name), folder, cache_dir)
    return folder


@pytest.fixture(scope="module")
def many(weights_dir: Path, cache_dir: Path) -> Iterator[ServerProcess]:
    with ServerProcess(
        weights_dir=str(weights_dir), cache_dir=str(cache_dir), accept_licenses="Adobe-Research-NC"
    ) as server:
        yield server


def post(server: ServerProcess, path: str, photo: bytes = MOTORCYCLE) -> httpx.Response:
    # Where three networks are loaded first, two cores take more than the usual time.
    headers = {"X-Request-Timeout": "120"}
    return server.client.post(path, files={"image": photo}, headers=headers, timeout=200)


def array(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.asarray(np.load(io.BytesIO(response.content)))


def test_all_networks_are_listed_with_what_they_are(many: ServerProcess) -> None:
    models = {one["name"]: one for one in many.client.get("/v1/models").json()["models"]}
    assert list(models) == list(SPECS)
    assert models["zoedepth_n"]["unit"] == "metre"
    assert models[LERES]["licence_accepted"]
    assert not models["depth_anything_v2_vitb"]["licence_accepted"]
    assert models["dpt_hybrid_384"]["state"] == "missing"
    assert models["dpt_large_384"]["memory_mb"] > 500


def test_relative_depth_is_told_as_such_and_shown_the_right_way_round(many: ServerProcess) -> None:
    """The official map of this network is larger where it is farther."""
    official = golden(LERES).arrays("e2e_seed0")["depth"]
    answer = post(many, f"/v1/depth?model={LERES}&format=npy")
    depth = array(answer)
    assert answer.headers["x-depth-kind"] == "relative_depth"
    # On a CPU with bfloat16 the network may run in it.
    assert np.abs(depth[::8, ::8] - official).mean() <= 0.01 * np.ptp(official)
    grey = post(many, f"/v1/depth?model={LERES}&colormap=gray&palette=false")
    levels = np.asarray(Image.open(io.BytesIO(grey.content)))[..., 0].astype(int)
    assert levels[np.unravel_index(depth.argmin(), depth.shape)] == 255
    assert levels[np.unravel_index(depth.argmax(), depth.shape)] == 0


def test_what_cannot_be_served_says_why(many: ServerProcess) -> None:
    before = many.metric("depth_slo_requests_total")
    missing = post(many, "/v1/depth?model=dpt_hybrid_384")
    assert (missing.status_code, missing.json()["type"]) == (503, "model-unavailable")
    assert "models pull dpt_hybrid_384" in missing.json()["detail"]
    refused = post(many, "/v1/depth?model=depth_anything_v2_vitb")
    assert (refused.status_code, refused.json()["type"]) == (503, "model-unavailable")
    assert "DEPTH_ACCEPT_LICENSES=CC-BY-NC-4.0" in refused.json()["detail"]
    # Waiting does not mend it, and it is nobody's failure to answer in time.
    assert "retry-after" not in refused.headers.keys() | missing.headers.keys()
    assert many.metric("depth_slo_requests_total") == before


def test_a_comparison_is_one_sheet(many: ServerProcess) -> None:
    answer = post(many, f"/v1/compare?models={EMBEDDED},{MIDAS},{LERES}")
    assert answer.status_code == 200, answer.text
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert sheet.shape[0] > 2 * 300
    assert sheet.shape[1] > 2 * 480
    times = dict(part.split("=") for part in answer.headers["x-inference-milliseconds"].split(","))
    assert list(times) == [EMBEDDED, MIDAS, LERES]
    assert all(float(time) > 0 for time in times.values())


def test_a_comparison_as_zip_holds_the_same_maps(many: ServerProcess) -> None:
    answer = post(many, f"/v1/compare?models={EMBEDDED},{MIDAS}&format=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        table = json.loads(archive.read("comparison.json"))
        assert [row["model"] for row in table] == [EMBEDDED, MIDAS]
        for row in table:
            depth = np.load(io.BytesIO(archive.read(row["file"])))
            assert depth.shape == (row["height"], row["width"]) == (HEIGHT, WIDTH)
            alone = array(post(many, f"/v1/depth?model={row['model']}&format=npy"))
            assert np.array_equal(depth, alone)


def test_a_comparison_shows_each_network_the_size_of_that_quality(many: ServerProcess) -> None:
    path = f"/v1/compare?models={EMBEDDED},{MIDAS}&format=zip&size=network&quality=best"
    with zipfile.ZipFile(io.BytesIO(post(many, path).content)) as archive:
        table = {row["model"]: row for row in json.loads(archive.read("comparison.json"))}
    assert {name: (row["height"], row["width"]) for name, row in table.items()} == {
        EMBEDDED: (224, 352),
        MIDAS: (256, 384),
    }


@pytest.mark.parametrize(
    ("models", "status"),
    [
        (EMBEDDED, 422),
        ("", 422),
        (f"{EMBEDDED},{EMBEDDED}", 422),
        (f"{EMBEDDED},nothing", 404),
        (f"{EMBEDDED},dpt_hybrid_384", 503),
        (",".join(["a"] * 9), 422),
    ],
)
def test_a_comparison_that_cannot_be(many: ServerProcess, models: str, status: int) -> None:
    answer = post(many, f"/v1/compare?models={models}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_anchors_make_metres(many: ServerProcess) -> None:
    """Made-up distances of two points, a near and a far one by the network's own map."""
    depth = array(post(many, "/v1/depth?format=npy&size=network"))
    near, far = (np.unravel_index(index, depth.shape) for index in (depth.argmax(), depth.argmin()))
    anchors = ";".join(
        f"{x / (depth.shape[1] - 1):.4f},{y / (depth.shape[0] - 1):.4f},{metres}"
        for (y, x), metres in ((near, 1.5), (far, 8))
    )
    answer = post(many, f"/v1/depth?format=json&size=network&anchors={anchors}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["kind"], body["unit"]) == ("metric_depth", "metre")
    assert answer.headers["x-depth-kind"] == "metric_depth"
    metres = np.array(body["depth"])
    assert 0 < metres.min() <= 1.6
    assert metres.max() >= 7.5
    calibration = body["calibration"]
    assert [anchor["metres"] for anchor in calibration["anchors"]] == [1.5, 8]
    assert calibration["middle"]["low"] < calibration["middle"]["metres"]

    again = post(
        many,
        "/v1/depth?format=npy&size=network&calibration=" + answer.headers["x-depth-calibration"],
    )
    assert again.headers["x-depth-kind"] == "metric_depth"
    assert np.allclose(array(again), metres, rtol=1e-3)

    cloud = post(many, f"/v1/effects/pointcloud?anchors={anchors}")
    assert cloud.status_code == 200, cloud.text
    report = post(
        many, "/v1/effects/obstacle?calibration=" + answer.headers["x-depth-calibration"]
    ).json()
    assert report["largest"]["distance"]["low"] is None


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("anchors=0.5,0.9,0.6", "x,y,metres"),
        ("anchors=0.5,0.5,2;0.5,0.5,3", "same relative depth"),
        ("calibration=1", "intercept,slope"),
        ("calibration=1,-1", "slope"),
        ("calibration=-1e99,1e99&format=json", "beyond"),
        ("calibration=0.1,0.1&anchors=0.5,0.5,2;0.1,0.1,3", "not both"),
    ],
)
def test_metres_that_cannot_be_say_why(many: ServerProcess, query: str, why: str) -> None:
    answer = post(many, f"/v1/depth?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-parameter")
    assert why in answer.json()["detail"]


def test_high_detail_keeps_the_whole_and_sharpens_it(many: ServerProcess) -> None:
    plain = array(post(many, "/v1/depth?format=npy"))
    detailed = array(post(many, "/v1/depth?format=npy&detail=high"))
    assert detailed.shape == plain.shape
    assert np.corrcoef(plain.ravel(), detailed.ravel())[0, 1] > 0.95
    slopes = [np.abs(np.diff(one / np.ptp(one), axis=1)) for one in (plain, detailed)]
    assert np.percentile(slopes[1], 99.5) > 1.05 * np.percentile(slopes[0], 99.5)
    small = array(post(many, "/v1/depth?format=npy&size=network"))
    large = array(post(many, "/v1/depth?format=npy&size=network&detail=high"))
    assert large.shape == (2 * small.shape[0], 2 * small.shape[1])


def test_only_listed_networks_are_served(weights_dir: Path, cache_dir: Path) -> None:
    with ServerProcess(
        weights_dir=str(weights_dir), cache_dir=str(cache_dir), models=f"{EMBEDDED},{MIDAS}"
    ) as server:
        names = [one["name"] for one in server.client.get("/v1/models").json()["models"]]
        assert names == [EMBEDDED, MIDAS]
        for path in (f"/v1/depth?model={LERES}", f"/v1/effects/portrait?model={LERES}"):
            answer = post(server, path)
            assert (answer.status_code, answer.json()["type"]) == (404, "model-not-found")
        assert server.client.get(f"/v2/models/{LERES}").status_code == 404


def test_networks_are_unloaded_for_others(weights_dir: Path, cache_dir: Path) -> None:
    with ServerProcess(
        weights_dir=str(weights_dir),
        cache_dir=str(cache_dir),
        accept_licenses="all",
        precision="fp32",
        model_memory_mb="600",
    ) as server:
        states = []
        for name in (MIDAS, LERES, EMBEDDED, MIDAS):
            assert post(server, f"/v1/depth?model={name}").status_code == 200
            listed = server.client.get("/v1/models").json()["models"]
            states.append({one["name"] for one in listed if one["state"] == "loaded"})
        assert states == [
            {EMBEDDED, MIDAS},
            {EMBEDDED, LERES},
            {EMBEDDED, LERES},
            {EMBEDDED, MIDAS},
        ]
        too_large = post(server, "/v1/depth?model=dpt_hybrid_384")
        assert too_large.status_code == 503
        assert "DEPTH_MODEL_MEMORY_MB" in too_large.json()["detail"]
