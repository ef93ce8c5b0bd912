"""Traces, as a collector gets them from a real server."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collector import ERROR, SERVER_KIND, UNSET, Collector, Span
from tests.support.commands import run_command
from tests.support.oip import INFER, MODEL, message
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until

PHOTO = photo_bytes("coffee.png")
FILE_NAME = "recognisable-holiday.png"
QUERY = "recognisable-query"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


def traced(cache_dir: Path, **settings: str) -> ServerProcess:
    return ServerProcess(
        cache_dir=str(cache_dir), traces="otlp", drain_delay_seconds="0", **settings
    )


def stop(server: ServerProcess) -> None:
    server.terminate()
    assert server.wait() == 0
    assert "Traceback" not in server.log()


def assert_stages_within(parent: Span, stages: list[Span]) -> None:
    for stage in stages:
        assert (stage.trace_id, stage.parent_id) == (parent.trace_id, parent.span_id)
        assert parent.started <= stage.started <= stage.ended <= parent.ended, stage.name
        assert stage.kind != SERVER_KIND
        assert stage.attributes == {}


def test_a_request_is_a_span_in_its_callers_trace(cache_dir: Path, collector: Collector) -> None:
    trace_id, caller_id = secrets.token_hex(16), secrets.token_hex(8)
    with traced(cache_dir, log_format="json") as server:
        answer = server.client.post(
            "/v1/depth?format=npy",
            files={"image": (FILE_NAME, PHOTO)},
            headers={
                "traceparent": f"00-{trace_id}-{caller_id}-01",
                "tracestate": "vendor=value",
                "X-Request-ID": "order-17",
            },
        )
        assert answer.status_code == 200
        server.client.get("/readyz")
        openmetrics = {"Accept": "application/openmetrics-text"}
        metrics = server.client.get("/metrics", headers=openmetrics).text
        stop(server)
        lines = [json.loads(line) for line in server.log().splitlines() if line[0] == "{"]
    (exemplar,) = [line for line in metrics.splitlines() if f'# {{trace_id="{trace_id}"}}' in line]
    assert exemplar.startswith("depth_request_seconds_bucket{")
    (span,) = collector.servers()
    assert (span.trace_id, span.parent_id) == (trace_id, caller_id)
    assert span.trace_state == "vendor=value"
    assert (span.name, span.status) == ("POST /v1/depth", UNSET)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/depth",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "depth.model": "depth_lite_256",
        "depth.output": "npy",
        "depth.request_id": "order-17",
    }
    stages = sorted(collector.children(span), key=lambda stage: stage.started)
    assert len(stages) == len(collector.spans) - 1
    assert_stages_within(span, stages)
    # The size is read before the photo waits for its turn, and it waits for the network again.
    assert [stage.name for stage in stages] == [
        *("read", "decode", "queue", "decode", "transform", "queue", "inference"),
        *("resize", "encode", "send"),
    ]
    assert [line["trace_id"] for line in lines if line.get("route") == "/v1/depth"] == [trace_id]
    assert all("trace_id" not in line for line in lines if line.get("route") != "/v1/depth")
    for resource in collector.resources:
        assert resource["service.name"] == "depth-service"


def test_only_the_services_own_failures_are_errors(
    cache_dir: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "depth-of-this-test")
    with traced(cache_dir) as server:

        def post(data: bytes, query: str = "", **headers: str) -> int:
            answer = server.client.post(
                f"/v1/depth{query}", files={"image": (FILE_NAME, data)}, headers=headers
            )
            return answer.status_code

        assert post(b"rubbish", traceparent="rubbish") == 415
        assert post(PHOTO, f"?model={QUERY}") == 404
        assert post(PHOTO, **{"X-Request-Timeout": "0.001"}) == 504
        assert server.client.request(QUERY.upper(), "/v1/depth").status_code == 405
        stop(server)
    spans = collector.servers()
    assert [(span.attributes["http.response.status_code"], span.status) for span in spans] == [
        *((415, UNSET), (404, UNSET), (504, ERROR), (405, UNSET)),
    ]
    assert spans[2].attributes["error.type"] == "deadline-exceeded"
    assert (spans[3].name, spans[3].attributes["http.request.method"]) == (
        *("HTTP /v1/depth", "_OTHER"),
    )
    # Without a usable parent each is a trace of its own.
    assert len({span.trace_id for span in spans}) == len(spans)
    for span in spans:
        assert span.parent_id == ""
        assert_stages_within(span, collector.children(span))
    assert {resource["service.name"] for resource in collector.resources} == {"depth-of-this-test"}
    exported = b"".join(collector.bodies).lower()
    for secret in (FILE_NAME, QUERY, "127.0.0.1"):
        assert secret.encode() not in exported


def test_photos_of_one_request_have_stages_of_their_own(
    cache_dir: Path, collector: Collector
) -> None:
    with traced(cache_dir) as server:
        photo = base64.b64encode(PHOTO).decode()
        two = message(shape=[2], data=[photo, photo])
        answer = server.client.post(INFER, json=two)
        assert answer.status_code == 200, answer.text
        stop(server)
    (span,) = collector.servers()
    assert span.name == "POST /v2/models/{name}/infer"
    assert span.attributes["depth.model"] == MODEL
    stages = collector.children(span)
    assert_stages_within(span, stages)
    assert [stage.name for stage in stages].count("inference") == 2


def test_a_sampler_may_drop_traces(
    cache_dir: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with traced(cache_dir) as server:
        assert server.client.post("/v1/depth", files={"image": PHOTO}).status_code == 200
        wait_until(lambda: "trace_id=" in server.log())
        stop(server)
    assert collector.spans == []


def test_requests_do_not_notice_that_no_collector_is_there(
    cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    # Many small batches that fail one after the other, and more spans than may wait.
    for name, value in (
        *(("BSP_SCHEDULE_DELAY", "10"), ("BSP_MAX_QUEUE_SIZE", "20")),
        *(("BSP_MAX_EXPORT_BATCH_SIZE", "5"), ("EXPORTER_OTLP_TIMEOUT", "1")),
    ):
        monkeypatch.setenv(f"OTEL_{name}", value)
    with traced(cache_dir) as server:
        for _ in range(30):
            assert server.client.post("/v1/depth", files={"image": PHOTO}).status_code == 200
        stop(server)
        said = [line for line in server.log().splitlines() if " opentelemetry." in line]
    assert said
    assert_no_repeats(said)


def assert_no_repeats(lines: list[str]) -> None:
    """No two lines say the same but for times and other numbers."""
    texts = ["".join(c for c in line.split("] ", 1)[1] if not c.isdigit()) for line in lines]
    for one, other in itertools.combinations(texts, 2):
        assert one != other


def test_wrong_variables_are_said_in_a_line(
    cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    done = run_command("serve", "--port", "0", cache_dir=str(cache_dir), traces="otlp")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("DEPTH_TRACES=otlp: OpenTelemetry's variables are wrong: ")
    assert "Traceback" not in done.stderr
