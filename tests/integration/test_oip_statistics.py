"""What the Open Inference Protocol counts, whichever way in a network was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.support.oip import COFFEE, MODEL, coffee_tensor, images, network_inputs
from tests.support.server import ServerProcess


def test_statistics_count_what_every_way_in_asks_of_a_network(
    server: ServerProcess, client: triton.InferenceServerClient
) -> None:
    def statistics() -> dict[str, Any]:
        (network,) = client.get_inference_statistics(MODEL)["model_stats"]
        return dict(network)

    before = statistics()
    client.infer(MODEL, [network_inputs(np.concatenate([coffee_tensor()] * 2))])
    with pytest.raises(InferenceServerException):
        client.infer(MODEL, [images(COFFEE[:9000])])
    assert server.client.post("/v1/depth", files={"image": COFFEE}).status_code == 200
    assert server.client.post("/v1/depth", files={"image": COFFEE[:9000]}).status_code == 422
    after = statistics()

    assert after["inference_count"] == before["inference_count"] + 3
    assert before["execution_count"] + 2 <= after["execution_count"] <= after["inference_count"]
    assert after["last_inference"] > before["last_inference"]
    more = {
        name: (timing["count"] - old["count"], timing["ns"] - old["ns"])
        for name, timing in after["inference_stats"].items()
        for old in (before["inference_stats"][name],)
    }
    parts = ("queue", "compute_input", "compute_infer")
    assert {name: more[name][0] for name in ("success", "fail", *parts)} == {
        "success": 3,
        "fail": 2,
        **dict.fromkeys(parts, 3),
    }
    assert 0 < more["compute_infer"][1] < sum(more[part][1] for part in parts) < more["success"][1]
    assert more["fail"][1] > 0
    calls = {each["batch_size"]: each["compute_infer"] for each in after["batch_stats"]}
    assert sum(calls[size]["count"] for size in calls) == after["execution_count"]
    assert sum(size * calls[size]["count"] for size in calls) == after["inference_count"]


def test_statistics_of_all_networks_and_of_unknown_ones(
    client: triton.InferenceServerClient,
) -> None:
    assert "statistics" in client.get_server_metadata()["extensions"]
    networks = {each["name"]: each for each in client.get_inference_statistics()["model_stats"]}
    assert networks[MODEL]["inference_count"] > 0
    unused = networks["midas_v21_small_256"]
    assert (unused["execution_count"], unused["batch_stats"]) == (0, [])
    (only,) = client.get_inference_statistics(MODEL, "1")["model_stats"]
    assert (only["name"], only["version"]) == (MODEL, "1")
    for name, version in (("unknown", ""), (MODEL, "2")):
        with pytest.raises(InferenceServerException) as refused:
            client.get_inference_statistics(name, version)
        assert refused.value.status() == "404"
