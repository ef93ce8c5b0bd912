"""Probes, metrics, models and the documents of the API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from service.observability.context import STAGES
from tests.support.photos import photo_bytes
from tests.support.server import ROOT, ServerProcess

PHOTO = photo_bytes("coffee.png")


@pytest.mark.parametrize("route", ["/livez", "/readyz", "/healthz"])
def test_health(server: ServerProcess, route: str) -> None:
    response = server.client.get(route)
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert all(response.json()["checks"].values())


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/", "/docs", "/openapi.json", "/v1/models", "/static/app.js"]
)
def test_head_is_get_without_the_body(server: ServerProcess, path: str) -> None:
    answer, full = server.client.head(path), server.client.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(full.content))
    assert answer.headers["content-type"] == full.headers["content-type"]
    # The connection stays usable, and the log knows the route.
    assert server.client.get("/livez").status_code == 200
    assert server.client.head("/predict").status_code == 405
    assert "method=HEAD route=/v1/models" in server.log() or path != "/v1/models"


def test_models(server: ServerProcess) -> None:
    default, other, *more = server.client.get("/v1/models").json()["models"]
    assert default["name"] == "depth_lite_256"
    assert default["default"]
    assert (default["state"], other["state"]) == ("loaded", "missing")
    assert default["licence"] == other["licence"] == "MIT"
    assert default["weights_origin"] == "embedded"
    assert len(default["weights_sha256"]) == 64
    assert default["parity"] < 0.01
    # The ways that the page knows.
    ways = {one["enlarge"] for one in (default, other, *more)}
    assert ways == {"cubic", "linear", "linear_corners"}
    one = server.client.get("/v1/models/midas_v21_small_256").json()
    assert one == other
    missing = server.client.get("/v1/models/unknown")
    assert (missing.status_code, missing.json()["type"]) == (404, "model-not-found")


def test_metrics_follow_the_requests(server: ServerProcess) -> None:
    labels = {
        "route": "/v1/depth",
        "model": "depth_lite_256",
        "output": "npy",
        "status": "2xx",
    }
    names = ("depth_slo_requests_total", "depth_slo_good_requests_total")
    before = server.metric("depth_request_seconds_count", **labels)
    slo_before = [server.metric(name) for name in names]
    for _ in range(3):
        server.client.post("/v1/depth?format=npy", files={"image": PHOTO})
    server.client.post("/v1/depth?format=npy", files={"image": b"rubbish"})
    assert server.metric("depth_request_seconds_count", **labels) == before + 3
    hasty = {"X-Request-Timeout": "0.001"}
    late = server.client.post("/v1/depth?format=npy", files={"image": PHOTO}, headers=hasty)
    assert late.status_code == 504
    # A client's mistake counts for nothing in the service's objective, nor does its impatience.
    assert [server.metric(name) for name in names] == [count + 3 for count in slo_before]
    for stage in set(STAGES) - {"load", "effect"}:
        assert server.metric("depth_stage_seconds_count", stage=stage) >= 3
    assert server.metric("depth_batch_size_count") >= 3
    assert server.metric("depth_queue_depth") == 0
    assert server.metric("depth_admitted_requests") == 0
    assert server.metric("depth_model_info", model="depth_lite_256") == 1
    assert server.metric("process_resident_memory_bytes") > 0


@pytest.mark.parametrize(
    ("accept", "media_type", "parse"),
    [
        ("", "text/plain", text_string_to_metric_families),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain", text_string_to_metric_families),
        (
            "application/openmetrics-text;version=x;q=nan,text/plain",
            "application/openmetrics-text",
            openmetrics.text_string_to_metric_families,
        ),
    ],
)
def test_metrics_are_in_the_format_that_the_scraper_asks_for(
    server: ServerProcess,
    accept: str,
    media_type: str,
    parse: Callable[[str], Iterable[Metric]],
) -> None:
    answer = server.client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    families = {family.name: family for family in parse(answer.text)}
    assert {"depth_request_seconds", "depth_rejected_requests", "depth_queue_depth"} <= set(
        families
    )


@pytest.mark.parametrize(
    ("encodings", "expected"),
    [("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("br", None), ("", None)],
)
def test_metrics_are_compressed_for_whom_that_suits(
    server: ServerProcess, encodings: str, expected: str | None
) -> None:
    answer = server.client.get("/metrics", headers={"Accept-Encoding": encodings})
    assert answer.headers.get("content-encoding") == expected
    assert "depth_queue_depth" in answer.text
    if expected:
        assert int(answer.headers["content-length"]) < len(answer.content) / 5


def test_routes_are_labelled_by_their_template(server: ServerProcess) -> None:
    for path in ("/static/app.js", "/static/docs/swagger-ui.css", "/v1/models/depth_lite_256"):
        server.client.get(path)
    for route in ("static", "/v1/models/{name}"):
        assert server.metric("depth_request_seconds_count", route=route, status="2xx") >= 1


def test_no_label_comes_from_user_input(server: ServerProcess) -> None:
    marker = "zebra"
    server.client.get(f"/{marker}")
    server.client.get(f"/v1/models/{marker}")
    server.client.post(
        f"/v1/depth?model={marker}&format={marker}&{marker}=1",
        files={marker: (f"{marker}.png", PHOTO)},
        headers={"X-Request-ID": marker, "Accept": marker, "User-Agent": marker},
    )
    server.client.request(marker.upper(), "/v1/depth")
    text = server.client.get("/metrics").text
    assert marker not in text.lower()
    assert len(list(text_string_to_metric_families(text))) > 20


def test_counters_exist_before_their_first_event(server: ServerProcess) -> None:
    text = server.client.get("/metrics").text
    for series in (
        'depth_rejected_requests_total{reason="overloaded"}',
        'depth_cancelled_requests_total{stage="queue"}',
        'depth_deadline_misses_total{stage="queue"}',
        "depth_slo_requests_total",
        "depth_worker_heartbeat_age_seconds",
        'depth_request_seconds_bucket{le="3.0"',
    ):
        assert series in text


def test_openapi_document_is_the_committed_one(server: ServerProcess) -> None:
    committed = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    printed = subprocess.run(
        [sys.executable, "-m", "service", "openapi"], cwd=ROOT, capture_output=True, check=True
    )
    assert json.loads(printed.stdout) == committed
    # But for the keys, which this server does not demand.
    del committed["components"]["securitySchemes"]
    for item in committed["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    assert server.client.get("/openapi.json").json() == committed


def test_every_route_documents_its_answers() -> None:
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    common = {"200", "400", "401", "413", "415", "422", "429", "500", "503", "504"}
    for path, statuses in (("/v1/depth", common | {"404", "406"}), ("/predict", common)):
        operation = document["paths"][path]["post"]
        assert set(operation["responses"]) == statuses
        for status in statuses - {"200"}:
            examples = operation["responses"][status]["content"]["application/problem+json"]
            assert examples["examples"]
        assert "multipart/form-data" in operation["requestBody"]["content"]


def test_behind_a_proxy_that_strips_a_prefix(cache_dir: Path) -> None:
    with ServerProcess(cache_dir=str(cache_dir), root_path="/depth") as server:
        for path in ("/", "/static/app.js", "/static/docs/swagger-ui.css", "/v1/models"):
            assert server.client.get(path).status_code == 200, path
        assert "/depth/static/docs/swagger-ui.css" in server.client.get("/docs").text
        assert server.client.get("/openapi.json").json()["servers"] == [{"url": "/depth"}]
        assert server.metric("depth_request_seconds_count", route="static") == 2


@pytest.mark.parametrize("page", ["/", "/docs", "/redoc"])
def test_pages_load_nothing_from_elsewhere(server: ServerProcess, page: str) -> None:
    html = server.client.get(page).text
    assert "https://" not in html.replace("https://www.w3.org", "")
    assert "cdn" not in html.lower()
