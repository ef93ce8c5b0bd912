"""Prometheus reads the rules; a real one scrapes a real service and answers every query."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from service.api.paths import STREAM
from service.server.app import create_app
from service.settings import Settings
from tests.support.photos import photo_bytes
from tests.support.programs import require_program
from tests.support.server import ROOT, ServerProcess, free_port
from tests.support.waiting import wait_until

FOLDER = ROOT / "deploy" / "prometheus"
RULES = sorted((FOLDER / "rules").glob("*.yml"))
RULE_TESTS = sorted((FOLDER / "rules" / "tests").glob("*.yml"))
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "depth.json").read_text())
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
# What Prometheus itself adds.
PROMETHEUS_OWN = {"up", "ALERTS"}


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def dashboard_queries() -> list[str]:
    targets = [t for panel in DASHBOARD["panels"] for t in panel.get("targets", ())]
    annotations = DASHBOARD["annotations"]["list"]
    queries: list[str] = [item["expr"] for item in [*targets, *annotations]]
    # Grafana's own variable: a range that holds a few scrapes.
    return [query.replace("$__rate_interval", "1m") for query in queries]


QUERIES = sorted({rule["expr"].strip() for rule in rules()} | set(dashboard_queries()))
RUNBOOK_QUERIES = re.findall(r"`(sum by [^`]+)`", RUNBOOK)


def promtool(*arguments: str) -> str:
    command = [require_program("promtool"), *arguments]
    done = subprocess.run(command, cwd=FOLDER, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_configuration_and_the_rules() -> None:
    assert "2 rule files found" in promtool("check", "config", "prometheus.yml")


def test_the_rules_pass_their_unit_tests() -> None:
    promtool("test", "rules", *map(str, RULE_TESTS))


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
    tests = [test for path in RULE_TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    assert fired == {alert["alert"] for alert in alerts()}


def test_every_alert_has_its_section_in_the_runbook() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert sections == [alert["alert"] for alert in alerts()]
    for alert in alerts():
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
        severity = {"page": "*Page.*", "ticket": "*Ticket.*"}[alert["labels"]["severity"]]
        assert f"## {alert['alert']}\n\n{severity}" in RUNBOOK


def test_the_dashboard_reads_from_the_provisioned_data_source() -> None:
    path = GRAFANA / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(path.read_text())["datasources"]
    (variable,) = DASHBOARD["templating"]["list"]
    assert source["type"] == variable["query"] == "prometheus"
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${" + variable["name"] + "}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_metric_that_a_query_names_is_exported(server: ServerProcess) -> None:
    exported = set(re.findall(r"^([a-z_]+)[{ ]", server.client.get("/metrics").text, re.MULTILINE))
    # Series of routes exist from the first request on.
    declared = set(re.findall(r"^# TYPE (\w+) histogram", server.client.get("/metrics").text, re.M))
    exported |= {f"{name}_{part}" for name in declared for part in ("bucket", "sum", "count")}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for query in [*QUERIES, *RUNBOOK_QUERIES]:
        bare = re.sub(r'"[^"]*"', "", query)
        names = set(re.findall(r"\b(?:depth|process)[_:][\w:]+", bare))
        assert names <= exported | recorded, query
        assert names or PROMETHEUS_OWN & set(re.findall(r"\w+", bare)), query


def test_latency_is_that_of_every_route_that_brings_a_photo_and_of_no_frame() -> None:
    app = create_app(Settings())
    routes = {*app.openapi()["paths"], *app.state.photo_routes, STREAM}
    queries = [(q, found) for q in QUERIES for found in re.findall(r'route=~"([^"]+)"', q)]
    assert len(queries) >= 8
    for query, pattern in queries:
        meant = {route for route in routes if re.fullmatch(pattern, route)}
        assert meant - {STREAM} == app.state.photo_routes, query
        assert "_bucket" not in query or STREAM not in meant, query


@pytest.fixture(scope="module")
def prometheus(
    server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Of a Prometheus with the shipped rules that scrapes the test's server."""
    program = require_program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(path) for path in RULES]
    (scrape,) = configuration["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [server.url.removeprefix("http://")]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            # One for all: to make one takes as long as dozens of queries.
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                yield client
        finally:
            process.terminate()
            process.wait(30)


def query(prometheus: httpx.Client, expression: str) -> list[dict[str, Any]]:
    answer = prometheus.get("/api/v1/query", params={"query": expression}).raise_for_status()
    result: list[dict[str, Any]] = answer.json()["data"]["result"]
    return result


def wait_for(prometheus: httpx.Client, expression: str) -> None:
    def is_there() -> bool:
        # Until it has read its log it answers 503, before that nobody.
        with contextlib.suppress(httpx.HTTPError):
            return bool(query(prometheus, expression))
        return False

    wait_until(is_there)


def test_a_real_prometheus_answers_every_query(
    server: ServerProcess, prometheus: httpx.Client
) -> None:
    wait_for(prometheus, 'up{job="depth"} == 1')
    # The requests' own series start with the first photo; the rest shows as an increase.
    for _ in range(2):
        server.client.post("/v1/depth", files={"image": photo_bytes("chelsea.png")})
        wait_for(prometheus, f'timestamp(up{{job="depth"}}) > {time.time()}')
    wait_for(prometheus, "depth:request_seconds:p95 > 0")
    wait_for(prometheus, "depth:error_budget:remaining_ratio == 1")
    wait_for(prometheus, 'depth:stage_seconds:mean5m{stage="inference"} > 0')
    empty = {expression for expression in QUERIES if not query(prometheus, expression)}
    # Alerts are at rest; whatever a panel shows has data.
    at_rest = {alert["expr"].strip() for alert in alerts()}
    shown = set(dashboard_queries()) - {'ALERTS{alertname=~"Depth.+",alertstate="firing"}'}
    assert not empty & shown
    assert empty - shown <= at_rest | {'ALERTS{alertname=~"Depth.+",alertstate="firing"}'}


def test_prometheus_itself_evaluates_the_rules_without_a_fault(prometheus: httpx.Client) -> None:
    wait_for(prometheus, 'up{job="depth"} == 1')
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    states = [(rule["name"], rule["health"]) for group in groups for rule in group["rules"]]
    assert len(states) == len(rules())
    assert {health for _, health in states} <= {"ok", "unknown"}
    assert not [rule for group in groups for rule in group["rules"] if rule.get("lastError")]
