"""One photo and one question: the same numbers by every way in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from service.api.depth_query import DepthQuery
from service.bulk.outputs import OutputFolder
from service.bulk.photos import PhotoOrder
from service.bulk.worker import DONE
from service.imaging.formats import FORMATS, OutputFormat
from service.models.choice import NetworkChoice
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from tests.support.effects import depth_file
from tests.support.oip import COFFEE, MODEL, images
from tests.support.server import ServerProcess
from tests.support.streams import answer_of, open_stream

ANCHORS = "0.4475,0.9988,0.3;0.4608,0.3463,0.42;0.9,0.9,0.5"
QUESTIONS: dict[str, dict[str, Any]] = {
    "usual": {},
    "resolution": {"resolution": 192},
    "quality": {"quality": "fast"},
    "anchors": {"anchors": ANCHORS},
    "anchors, exact": {"anchors": ANCHORS, "measuring_error": 0.001, "resolution": 192},
    "calibration": {"calibration": "-0.75,4.25"},
}
asked = pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)


def by_v1(server: ServerProcess, query: dict[str, Any]) -> tuple[NDArray[np.float32], str | None]:
    """The network's own map, and the fit."""
    answer = server.client.post(
        "/v1/depth", params={"format": "npy", "size": "network"} | query, files={"image": COFFEE}
    )
    assert answer.status_code == 200, answer.text
    return np.load(io.BytesIO(answer.content)), answer.headers.get("x-depth-calibration")


@asked
def test_tritonclient(server: ServerProcess, query: dict[str, Any]) -> None:
    expected, fit = by_v1(server, query)
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        answer = client.infer(MODEL, [images(COFFEE)], parameters=query)
    said = answer.get_response()["parameters"]
    if fit is None:
        assert said == {"kind": "relative_inverse_depth"}
    else:
        assert (said["kind"], said["unit"]) == ("metric_depth", "metre")
        assert numbers(said["calibration"]) == pytest.approx(numbers(fit), rel=1e-5)
    np.testing.assert_allclose(answer.as_numpy("depth")[0], expected, rtol=1e-4)


@asked
def test_a_stream(server: ServerProcess, query: dict[str, Any]) -> None:
    expected, _ = by_v1(server, query)
    with open_stream(server, f"?{urlencode(query | {'format': 'npy'})}") as camera:
        camera.send(COFFEE)
        _, body = answer_of(camera)
    np.testing.assert_allclose(np.load(io.BytesIO(body)), expected, rtol=1e-4)


IN_METRES = {
    name: query for name, query in QUESTIONS.items() if {"anchors", "calibration"} & {*query}
}


@pytest.mark.parametrize("query", IN_METRES.values(), ids=IN_METRES)
def test_the_fit_is_the_same_with_detail(server: ServerProcess, query: dict[str, Any]) -> None:
    _, fit = by_v1(server, query)
    _, detailed = by_v1(server, query | {"detail": "high"})
    assert detailed == fit
    facts = (
        json.loads(depth_file(server, COFFEE, format="json", **query, **more))["calibration"]
        for more in ({}, {"detail": "high"})
    )
    assert next(facts) == next(facts)


def test_predict_and_bulk_write_the_bytes_that_the_service_sends(
    server: ServerProcess, settings: Settings, tmp_path: Path
) -> None:
    network = OfflineNetwork(NetworkChoice(MODEL), settings)
    for format in filter(lambda name: FORMATS[name].is_available, OutputFormat):
        query = {"anchors": ANCHORS} if FORMATS[format].metric_only else {}
        wanted = DepthQuery(**query).offline(format, settings.max_json_pixels)
        served = depth_file(server, COFFEE, format=format, **query)
        assert wanted.make(network, COFFEE)[0] == served, format
    (tmp_path / "cup.png").write_bytes(COFFEE)
    OutputFolder(tmp_path / "depth").open()
    worker = PhotoOrder(tmp_path, tmp_path / "depth", wanted, settings).worker()
    assert worker.attempt(b"cup.png") == (b"cup.png", DONE, "")
    assert (tmp_path / "depth" / wanted.output_name(Path("cup.png"))).read_bytes() == served


def test_tritonclient_s_heatmap_in_metres(server: ServerProcess) -> None:
    query = QUESTIONS["anchors"]
    v1 = server.client.post("/v1/depth", params=query, files={"image": COFFEE})
    heatmap = triton.InferRequestedOutput("heatmap", binary_data=True)
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        answer = client.infer(MODEL, [images(COFFEE)], outputs=[heatmap], parameters=query)
    assert answer.as_numpy("heatmap")[0] == v1.content


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"anchors": "0.5,0.5,1"}, "anchors"),
        ({"anchors": ANCHORS, "calibration": "0.2,1.8"}, "not both"),
        ({"resolution": 9}, "128 to 512"),
        ({"resolution": 192, "quality": "fast"}, "not both"),
        ({"calibration": "0.2,-1"}, "slope"),
    ],
)
def test_tritonclient_is_told_what_cannot_be(
    server: ServerProcess, query: dict[str, Any], why: str
) -> None:
    with (
        triton.InferenceServerClient(server.url.removeprefix("http://")) as client,
        pytest.raises(InferenceServerException, match=why) as refused,
    ):
        client.infer(MODEL, [images(COFFEE)], parameters=query)
    assert refused.value.status() in ("400", "422")


def test_anchors_are_of_one_photo(server: ServerProcess) -> None:
    with (
        triton.InferenceServerClient(server.url.removeprefix("http://")) as client,
        pytest.raises(InferenceServerException, match="of one photo"),
    ):
        client.infer(MODEL, [images(COFFEE, COFFEE)], parameters=QUESTIONS["anchors"])


def numbers(fit: str) -> list[float]:
    return [float(number) for number in fit.split(",")]
