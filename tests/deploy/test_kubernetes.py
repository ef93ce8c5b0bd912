"""The manifests are what a cluster takes, and agree with the service and with each other."""

from __future__ import annotations

import re
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.api.upload import most_base64_bytes
from service.server.app import create_app
from service.settings import Settings
from tests.support.programs import packaged_program
from tests.support.server import ROOT

MANIFESTS = ROOT / "deploy" / "k8s"
OVERLAYS = ["dev", "prod", "keda"]
KUBERNETES = "1.32"
# Kinds of operators, which the cluster's own schemas do not have.
FOREIGN = {"ServiceMonitor", "ScaledObject"}
# How long uvicorn sends answers and stuck threads are waited for, past the drain (serve.py).
AFTER_DRAIN_SECONDS = 5 + 2

Manifest = dict[str, Any]


def render(folder: Path) -> str:
    done = subprocess.run(
        [packaged_program("kubectl"), "kustomize", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [packaged_program("kubernetes-validate"), "-k", KUBERNETES, "--strict", "--quiet"]
    return subprocess.run([*command, str(path)], check=False, capture_output=True, text=True)


class Cluster:
    """The rendered manifests of one overlay."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.manifests: list[Manifest] = list(yaml.safe_load_all(text))

    def all(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        (found,) = self.all(kind)
        return found

    @property
    def pod(self) -> Manifest:
        template: Manifest = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def container(self) -> Manifest:
        (container,) = self.pod["spec"]["containers"]
        return dict(container)

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.container["ports"]}

    def settings(self) -> Settings:
        data: dict[str, Any] = self.one("ConfigMap")["data"]
        return Settings(**{name.removeprefix("DEPTH_").lower(): v for name, v in data.items()})


@pytest.fixture(scope="module", params=OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(render(MANIFESTS / "overlays" / request.param))


def test_the_manifests_fit_the_schemas_of_kubernetes(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(cluster.text)
    done = validate(path)
    assert done.returncode == 0, done.stdout + done.stderr
    # A kind or version that the cluster does not have, such as one that was removed, is a warning.
    unknown = set(re.findall(r"schema for kind (\w+)", done.stdout + done.stderr))
    assert unknown <= FOREIGN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        ("containerPort: 8000", "containerPort: http"),
        ("policyTypes:", "policies:"),
    ],
)
def test_a_broken_manifest_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = render(MANIFESTS / "overlays" / "prod")
    assert old in text
    path = tmp_path / "broken.yaml"
    path.write_text(text.replace(old, new))
    assert validate(path).returncode != 0


def test_every_selector_finds_the_pods(cluster: Cluster) -> None:
    labels = cluster.pod["metadata"]["labels"].items()
    selectors = [
        cluster.one("Deployment")["spec"]["selector"]["matchLabels"],
        cluster.one("Service")["spec"]["selector"],
        cluster.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    selectors += [
        budget["spec"]["selector"]["matchLabels"] for budget in cluster.all("PodDisruptionBudget")
    ]
    selectors += [
        spread["labelSelector"]["matchLabels"]
        for spread in cluster.pod["spec"]["topologySpreadConstraints"]
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels
    for monitor in cluster.all("ServiceMonitor"):
        chosen = monitor["spec"]["selector"]["matchLabels"].items()
        assert chosen <= cluster.one("Service")["metadata"]["labels"].items()


def test_autoscalers_scale_the_deployment_and_nothing_else_does(cluster: Cluster) -> None:
    scalers = cluster.all("HorizontalPodAutoscaler") + cluster.all("ScaledObject")
    deployment = cluster.one("Deployment")
    fixed = "replicas" in deployment["spec"]
    assert len(scalers) == (0 if fixed else 1)
    for scaler in scalers:
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_a_prometheus_without_data_is_no_reason_to_scale_down(cluster: Cluster) -> None:
    for scaler in cluster.all("ScaledObject"):
        assert scaler["spec"]["fallback"]["replicas"] >= scaler["spec"]["minReplicaCount"]
        for trigger in scaler["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_no_large_network_is_believed_about_addresses(cluster: Cluster) -> None:
    """A client inside it could name any address as its own."""
    for network in cluster.settings().trusted_proxies:
        assert ip_network(network).num_addresses <= 256


def test_probes_ask_what_the_service_answers(cluster: Cluster) -> None:
    routes = set(create_app(Settings()).openapi()["paths"])
    expected = {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    for name, path in expected.items():
        probe = cluster.container[f"{name}Probe"]["httpGet"]
        assert probe["path"] == path
        assert path in routes
        assert probe["port"] in cluster.ports


def test_ports_agree(cluster: Cluster) -> None:
    settings = cluster.settings()
    assert cluster.ports == {"http": settings.port, "admin": settings.admin_port}
    service = {port["name"]: port["targetPort"] for port in cluster.one("Service")["spec"]["ports"]}
    assert set(service.values()) <= set(cluster.ports)
    for rule in cluster.one("NetworkPolicy")["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= set(cluster.ports)
    for ingress in cluster.all("Ingress"):
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        assert path["backend"]["service"]["name"] == cluster.one("Service")["metadata"]["name"]
        assert path["backend"]["service"]["port"]["name"] == "http"
    for monitor in cluster.all("ServiceMonitor"):
        assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["admin"]


def test_settings_exist_and_are_valid(cluster: Cluster) -> None:
    names = {name.removeprefix("DEPTH_").lower() for name in cluster.one("ConfigMap")["data"]}
    assert names <= set(Settings.model_fields)
    cluster.settings()
    (source,) = cluster.container["envFrom"]
    assert source["configMapRef"]["name"] == cluster.one("ConfigMap")["metadata"]["name"]
    # A Service named "depth" would otherwise set DEPTH_PORT.
    assert cluster.pod["spec"]["enableServiceLinks"] is False


def test_a_pod_has_time_to_drain(cluster: Cluster) -> None:
    grace = cluster.pod["spec"]["terminationGracePeriodSeconds"]
    assert grace >= cluster.settings().drain_seconds + AFTER_DRAIN_SECONDS


def test_a_pod_drains_before_it_runs_out_of_memory(cluster: Cluster) -> None:
    resources = cluster.container["resources"]
    for bound in ("requests", "limits"):
        assert {"cpu", "memory", "ephemeral-storage"} <= set(resources[bound])
    limit_mb = int(resources["limits"]["memory"].removesuffix("Mi")) * 2**20 / 1e6
    assert 0 < cluster.settings().max_memory_mb < 0.9 * limit_mb


def test_a_pod_has_no_rights_it_does_not_need(cluster: Cluster) -> None:
    pod = cluster.pod["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert cluster.one("ServiceAccount")["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == cluster.one("ServiceAccount")["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert cluster.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert [pod["securityContext"][key] for key in ("runAsUser", "runAsGroup")] == [
        int(number) for number in user.groups()
    ]


def test_every_mounted_volume_is_there(cluster: Cluster) -> None:
    volumes = {volume["name"] for volume in cluster.pod["spec"]["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in cluster.container["volumeMounts"]}
    assert set(mounts) == volumes
    keys = cluster.settings().api_keys_file
    if keys is not None:
        assert str(keys.parent) == mounts["api-keys"]


def test_the_ingress_leaves_limits_to_the_service(cluster: Cluster) -> None:
    settings = cluster.settings()
    for ingress in cluster.all("Ingress"):
        value = {
            name.removeprefix("nginx.ingress.kubernetes.io/"): text
            for name, text in ingress["metadata"]["annotations"].items()
        }
        most = int(value["proxy-body-size"].removesuffix("m")) << 20
        assert most > most_base64_bytes(settings.max_body_bytes)
        assert float(value["proxy-read-timeout"]) > settings.max_request_timeout_seconds
        assert value["proxy-next-upstream"] == "error timeout http_503 non_idempotent"


def test_the_autoscaler_can_watch_the_queue_too(tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "k8s")
    prod = tmp_path / "k8s" / "overlays" / "prod"
    kustomization = prod / "kustomization.yaml"
    text = kustomization.read_text()
    assert "# components: [../../components/queue-hpa]" in text
    kustomization.write_text(text.replace("# components:", "components:"))
    cluster = Cluster(render(prod))
    metrics = cluster.one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]
    path = tmp_path / "all.yaml"
    path.write_text(cluster.text)
    assert validate(path).returncode == 0


def test_kserve_has_settings_that_exist_and_fit_its_limits() -> None:
    manifest = yaml.safe_load((ROOT / "deploy/kserve/inference-service.yaml").read_text())
    (container,) = manifest["spec"]["predictor"]["containers"]
    given = {one["name"].removeprefix("DEPTH_").lower(): one["value"] for one in container["env"]}
    assert given.keys() <= Settings.model_fields.keys()
    settings = Settings(**given)
    assert 0 < settings.max_memory_mb * 1e6 < 2 << 30
    assert container["resources"]["limits"]["memory"] == "2Gi"
    assert settings.drain_seconds + AFTER_DRAIN_SECONDS < 30
    assert [port["containerPort"] for port in container["ports"]] == [settings.port]
