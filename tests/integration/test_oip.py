"""The Open Inference Protocol on a real server, by its own client and by hand."""

from __future__ import annotations

import base64
import gzip
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from tests.support.access import admin_client, key_line
from tests.support.oip import COFFEE, INFER, MODEL, coffee_tensor, images, message, network_inputs
from tests.support.photos import photo_bytes, photo_of_12_megapixels
from tests.support.rolling import Load
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until
from tests.support.wire import connect, head

ASTRONAUT = photo_bytes("astronaut.png")  # 512 x 512


def v1_depth(server: ServerProcess, photo: bytes, size: str) -> NDArray[np.float32]:
    answer = server.client.post(f"/v1/depth?format=npy&size={size}", files={"image": photo})
    return np.asarray(np.load(io.BytesIO(answer.content)))


def test_tritonclient_asks_for_health_and_metadata(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("midas_v21_small_256")  # its weights are not installed
    assert not client.is_model_ready("unknown")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL, "1")
    assert [tensor["name"] for tensor in metadata["inputs"]] == ["image", "input"]
    assert [tensor["name"] for tensor in metadata["outputs"]] == ["depth", "heatmap"]


def test_tritonclient_asks_for_the_configuration(client: triton.InferenceServerClient) -> None:
    assert "model_configuration" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL)
    for version in ("", "1"):
        config = client.get_model_config(MODEL, version)
        assert (config["name"], config["max_batch_size"]) == (MODEL, 0)
        for words, side in (("input", "inputs"), ("output", "outputs")):
            dims = {tensor["name"]: tensor["dims"] for tensor in config[words]}
            assert dims == {tensor["name"]: tensor["shape"] for tensor in metadata[side]}
        kinds = {tensor["name"]: tensor["data_type"] for tensor in config["input"]}
        assert kinds == {"image": "TYPE_STRING", "input": "TYPE_FP32"}
    with pytest.raises(InferenceServerException, match="no network of that name"):
        client.get_model_config("unknown")


@pytest.mark.parametrize("size", ["network", "original"])
def test_depth_of_a_photo_equals_v1(
    server: ServerProcess, client: triton.InferenceServerClient, size: str
) -> None:
    answer = client.infer(MODEL, [images(COFFEE)], parameters={"size": size}, request_id="a-7")
    depth = answer.as_numpy("depth")
    assert depth.dtype == np.float32
    assert np.array_equal(depth[0], v1_depth(server, COFFEE, size))
    assert answer.get_response()["id"] == "a-7"


def test_heatmaps_of_photos_of_different_sizes_equal_v1(
    server: ServerProcess, client: triton.InferenceServerClient
) -> None:
    answer = client.infer(
        MODEL,
        [images(COFFEE, ASTRONAUT)],
        model_version="1",
        outputs=[triton.InferRequestedOutput("heatmap", binary_data=True)],
        parameters={"colormap": "turbo"},
    )
    for heatmap, photo in zip(answer.as_numpy("heatmap"), (COFFEE, ASTRONAUT), strict=True):
        v1 = server.client.post("/v1/depth?colormap=turbo", files={"image": photo})
        assert heatmap == v1.content


@pytest.mark.parametrize("binary", [True, False])
def test_network_inputs_give_the_depth_of_the_photo_they_were_made_of(
    server: ServerProcess, client: triton.InferenceServerClient, binary: bool
) -> None:
    answer = client.infer(
        MODEL,
        [network_inputs(coffee_tensor(), binary)],
        outputs=[triton.InferRequestedOutput("depth", binary_data=binary)],
    )
    assert np.allclose(answer.as_numpy("depth")[0], v1_depth(server, COFFEE, "network"), atol=1e-5)


def test_tensors_of_one_request_are_items_of_the_queue(
    server: ServerProcess, client: triton.InferenceServerClient
) -> None:
    before = server.metric("depth_batch_size_sum")
    batch = np.concatenate([coffee_tensor(), -coffee_tensor(), coffee_tensor()])
    depth = client.infer(MODEL, [network_inputs(batch)]).as_numpy("depth")
    assert np.allclose(depth[0], depth[2], atol=1e-5)
    assert not np.allclose(depth[0], depth[1], atol=1e-2)
    assert server.metric("depth_batch_size_sum") == before + 3


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_compresses_its_requests(
    client: triton.InferenceServerClient, coding: str, binary: bool
) -> None:
    inputs = [network_inputs(coffee_tensor(), binary)]
    plain = client.infer(MODEL, inputs)
    compressed = client.infer(MODEL, inputs, request_compression_algorithm=coding)
    assert np.allclose(compressed.as_numpy("depth"), plain.as_numpy("depth"), atol=1e-5)


def test_x_gzip_is_gzip(server: ServerProcess) -> None:
    body = gzip.compress(server.client.build_request("POST", INFER, json=message()).content)
    answer = server.client.post(INFER, content=body, headers={"Content-Encoding": "x-gzip"})
    assert answer.json()["outputs"] == server.client.post(INFER, json=message()).json()["outputs"]


def test_both_outputs_at_once_and_plain_json(server: ServerProcess) -> None:
    wanted = {"outputs": [{"name": "depth"}, {"name": "heatmap"}]}
    answer = server.client.post(INFER, json=message() | wanted)
    assert answer.headers["content-type"] == "application/json"
    depth, heatmap = answer.json()["outputs"]
    assert np.allclose(
        np.reshape(depth["data"], depth["shape"])[0],
        v1_depth(server, COFFEE, "network"),
        atol=1e-6,
    )
    v1 = server.client.post("/v1/depth", files={"image": COFFEE})
    assert base64.b64decode(heatmap["data"][0]) == v1.content


def test_what_is_beyond_reach_is_a_number_in_json_and_infinite_in_binary(
    server: ServerProcess, client: triton.InferenceServerClient
) -> None:
    """As in /v1/depth: JSON has no infinity, and null is no reading."""
    beyond = {"calibration": "-0.75,4.25"}
    binary = client.infer(MODEL, [images(COFFEE)], parameters=beyond).as_numpy("depth")[0]
    assert np.isinf(binary).any()
    sent = message() | {"parameters": beyond}
    (output,) = server.client.post(INFER, json=sent).json()["outputs"]
    array = np.array(output["data"], np.float32).reshape(binary.shape)
    query = beyond | {"format": "json", "size": "network"}
    v1 = server.client.post("/v1/depth", params=query, files={"image": COFFEE}).json()
    # Which is rounded to five digits of its range.
    np.testing.assert_allclose(array, np.array(v1["depth"], np.float32), rtol=1e-4, atol=0.006)
    assert np.array_equal(array == 1000, np.isinf(binary))


def test_an_answer_carries_the_request_id_and_is_counted(server: ServerProcess) -> None:
    route = "/v2/models/{name}/infer"
    labels = {"route": route, "model": MODEL, "output": "tensors", "status": "2xx"}
    before = server.metric("depth_request_seconds_count", **labels)
    slo = server.metric("depth_slo_requests_total")
    answer = server.client.post(INFER, json=message(), headers={"X-Request-ID": "order-18"})
    assert answer.headers["x-request-id"] == "order-18"
    assert answer.headers["x-depth-kind"] == "relative_inverse_depth"
    assert server.metric("depth_request_seconds_count", **labels) == before + 1
    assert server.metric("depth_slo_requests_total") == slo + 1


def test_nan_is_refused_before_the_network(client: triton.InferenceServerClient) -> None:
    batch = coffee_tensor()
    batch[0, 0, 0, 0] = np.nan
    with pytest.raises(InferenceServerException, match="finite") as refused:
        client.infer(MODEL, [network_inputs(batch)])
    assert refused.value.status() == "400"


def test_depth_of_photos_of_different_shapes_is_refused(
    client: triton.InferenceServerClient,
) -> None:
    with pytest.raises(InferenceServerException, match="differ in size") as refused:
        client.infer(MODEL, [images(COFFEE, ASTRONAUT)])
    assert refused.value.status() == "422"


def test_photos_that_are_too_large_together_are_refused(cache_dir: Path) -> None:
    with ServerProcess(cache_dir=str(cache_dir), max_pixels="400000") as server:
        assert server.client.post(INFER, json=message()).status_code == 200
        data = message()["inputs"][0]["data"] * 2
        answer = server.client.post(INFER, json=message(shape=[2], data=data))
        assert answer.status_code == 413
        assert "together" in answer.json()["error"]


def test_one_bad_photo_fails_its_own_request_only(
    server: ServerProcess, client: triton.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException):
        client.infer(MODEL, [images(COFFEE, COFFEE[:9000], COFFEE)])
    assert client.infer(MODEL, [images(COFFEE)]).as_numpy("depth").shape[0] == 1
    assert server.metric("depth_admitted_requests") == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/unknown", 404),
        ("GET", f"/v2/models/{MODEL}/versions/2", 404),
        ("POST", "/v2/models/unknown/infer", 404),
        ("POST", "/v2/models/midas_v21_small_256/infer", 503),
        ("GET", INFER, 405),
        ("GET", "/v2/nothing", 404),
    ],
)
def test_unknown_paths_models_and_versions(
    server: ServerProcess, method: str, path: str, status: int
) -> None:
    answer = server.client.request(method, path, json=message() if method == "POST" else None)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_a_deadline_that_passes_is_504(server: ServerProcess) -> None:
    large = photo_of_12_megapixels()
    data = [base64.b64encode(large).decode()]
    answer = server.client.post(
        INFER, json=message(data=data), headers={"X-Request-Timeout": "0.001"}
    )
    assert answer.status_code == 504
    assert "deadline" in answer.json()["error"].lower()


def test_a_full_house_is_answered_with_retry_after(cache_dir: Path) -> None:
    with (
        ServerProcess(cache_dir=str(cache_dir), max_admitted_mb="0.1") as server,
        connect(server) as other,
    ):
        other.send(head(b"POST /v1/depth", b"Content-Length: 1000") + bytes(500))
        found: list[httpx.Response] = []

        def is_refused() -> bool:
            found[:] = [server.client.post(INFER, json=message())]
            return found[0].status_code == 503

        # Until some of the other body is there, nobody else is inside.
        wait_until(is_refused)
        (answer,) = found
        assert int(answer.headers["retry-after"]) >= 1
        assert "busy" in answer.json()["error"]


def test_health_is_open_and_the_rest_needs_the_key(cache_dir: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("robot", "key"))
    port = free_port()
    with (
        ServerProcess(
            cache_dir=str(cache_dir),
            api_keys_file=str(keys),
            allowed_hosts="depth.example.com",
            admin_port=str(port),
        ) as server,
        admin_client(port) as admin,
    ):
        for probe in ("/v2/health/live", "/v2/health/ready"):
            assert server.client.get(probe).status_code == 200
            assert admin.get(probe).status_code == 200
        host = {"Host": "depth.example.com"}
        for path in ("", f"/models/{MODEL}", f"/models/{MODEL}/ready", "/models/stats"):
            refused = server.client.get(f"/v2{path}", headers=host)
            assert refused.status_code == 401
            assert list(refused.json()) == ["error"]
            allowed = server.client.get(f"/v2{path}", headers=host | {"X-API-Key": "key"})
            assert allowed.status_code == 200
        assert httpx.post(server.url + INFER, json=message(), headers=host).status_code == 401
        wrong_host = server.client.get("/v2", headers={"X-API-Key": "key"})
        assert (wrong_host.status_code, list(wrong_host.json())) == (400, ["error"])


def test_networks_are_loaded_anew_while_requests_run(cache_dir: Path) -> None:
    """By Triton's own client, on the admin port."""
    port = free_port()
    with (
        ServerProcess(cache_dir=str(cache_dir), admin_port=str(port)) as server,
        Load(server.url, clients=2).running() as load,
    ):
        load.wait_for_more(5)
        operator = triton.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60)
        index = {entry["name"]: entry["state"] for entry in operator.get_model_repository_index()}
        assert index[MODEL] == "READY"
        assert index["midas_v21_small_256"] == "UNAVAILABLE"
        operator.load_model(MODEL)
        load.wait_for_more(5)
        operator.unload_model("midas_v21_small_256")
        for name, reason in ((MODEL, "default network"), ("unknown", "no network of that name")):
            with pytest.raises(InferenceServerException, match=reason):
                operator.unload_model(name)
        assert server.client.post("/v2/repository/index").status_code == 404
        assert server.log().count(f"{MODEL} runs in") == 2
        operator.close()
    assert load.lost == []
