"""The official network by name: installed from a file, converted, served, equal to golden."""

from __future__ import annotations

import functools
import http.server
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.models.weights import sha256_of
from tests.conftest import MIDAS
from tests.golden.official import golden
from tests.support.commands import run_command
from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess, free_port, run_service, service_env
from tests.support.waiting import wait_until

MOTORCYCLE = photo_bytes("motorcycle_left.png")


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory, golden_checkpoint: Path) -> Path:
    """A weights folder with the golden checkpoint added as a user's own."""
    folder = tmp_path_factory.mktemp("weights")
    done = run_command(
        *("models", "add", MIDAS, "--file", str(golden_checkpoint), "--trust"),
        weights_dir=str(folder),
    )
    assert done.returncode == 0, done.stderr
    assert sha256_of(golden_checkpoint) in done.stdout
    return folder


def served_depth(server: ServerProcess) -> np.ndarray:
    response = server.client.post(
        f"/v1/depth?format=npy&model={MIDAS}",
        files={"image": MOTORCYCLE},
        # Its first request converts it.
        headers={"X-Request-Timeout": "120"},
        timeout=150,
    )
    assert response.status_code == 200, response.text
    assert response.headers["x-depth-model"] == MIDAS
    return np.asarray(np.load(io.BytesIO(response.content)))


@pytest.mark.parametrize(("engine", "tolerance"), [("torch", 1e-5), ("openvino", 1e-4)])
def test_served_map_equals_the_official_one(
    weights_dir: Path, cache_dir: Path, engine: str, tolerance: float
) -> None:
    official = golden(MIDAS).arrays("e2e_seed0")
    settings = {"engine": engine, "precision": "fp32", "cache_dir": str(cache_dir)}
    with ServerProcess(weights_dir=str(weights_dir), **settings) as server:
        before = server.client.get(f"/v1/models/{MIDAS}").json()
        assert before["state"] == "available"
        depth = served_depth(server)
        assert depth.shape == tuple(official["shape"])
        assert np.abs(depth[::8, ::8] - official["depth"]).max() <= tolerance
        info = server.client.get(f"/v1/models/{MIDAS}").json()
    assert (info["state"], info["weights_origin"]) == ("loaded", "custom")
    assert (info["engine"], info["precision"]) == (engine, "fp32")


def test_both_networks_are_served_side_by_side(weights_dir: Path, cache_dir: Path) -> None:
    with ServerProcess(
        weights_dir=str(weights_dir), cache_dir=str(cache_dir), model=MIDAS
    ) as server:
        default = server.client.post("/predict", files={"image": MOTORCYCLE})
        assert default.headers["x-depth-model"] == MIDAS
        other = server.client.post("/v1/depth?model=depth_lite_256", files={"image": MOTORCYCLE})
        assert other.headers["x-depth-model"] == "depth_lite_256"
        assert default.content != other.content


def test_weights_that_change_on_disk_are_refused(
    weights_dir: Path, cache_dir: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "weights"
    copy.mkdir()
    for file in weights_dir.iterdir():
        data = bytearray(file.read_bytes())
        if file.suffix == ".pt":
            data[len(data) // 2] ^= 1
        (copy / file.name).write_bytes(bytes(data))
    with ServerProcess(weights_dir=str(copy), cache_dir=str(cache_dir)) as server:
        response = server.client.post(f"/v1/depth?model={MIDAS}", files={"image": MOTORCYCLE})
        assert (response.status_code, response.json()["type"]) == (503, "model-unavailable")
        assert "damaged" in response.json()["detail"]
        assert server.client.post("/predict", files={"image": MOTORCYCLE}).status_code == 200


def test_a_start_that_waits_for_its_network_ends_when_it_is_told(
    weights_dir: Path, tmp_path: Path
) -> None:
    """Kubernetes would kill it, half a minute later."""
    settings = {"model": MIDAS, "weights_dir": str(weights_dir), "cache_dir": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("w") as written:
        started = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0"],
            env=service_env(settings),
            stderr=written,
        )
    wait_until(lambda: "converting" in log.read_text())
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) == -signal.SIGTERM
    assert "listening" not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_models_commands(weights_dir: Path, golden_checkpoint: Path, tmp_path: Path) -> None:
    listed = run_command("models", "list", weights_dir=str(weights_dir))
    assert listed.returncode == 0
    assert MIDAS in listed.stdout
    assert "custom" in listed.stdout

    verified = run_command("models", "verify", weights_dir=str(weights_dir))
    assert verified.returncode == 0, verified.stderr
    assert "custom" in verified.stdout
    assert "embedded" in verified.stdout

    refused = run_command(
        *("models", "add", MIDAS, "--file", str(golden_checkpoint)), weights_dir=str(tmp_path)
    )
    assert refused.returncode == 1
    assert "--trust" in refused.stderr

    missing = run_command("models", "verify", MIDAS, weights_dir=str(tmp_path))
    assert missing.returncode == 1
    assert "models pull" in missing.stderr

    offline = run_command(
        *("models", "pull", MIDAS),
        weights_dir=str(tmp_path),
        weights_mirror="http://127.0.0.1:9",
    )
    assert offline.returncode == 1
    assert "offline?" in offline.stderr
    assert "Traceback" not in offline.stderr


def test_a_custom_file_that_does_not_fit_is_not_installed(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.pt"
    rubbish.write_bytes(b"rubbish")
    folder = tmp_path / "weights"
    done = run_command(
        *("models", "add", MIDAS, "--file", str(rubbish), "--trust"), weights_dir=str(folder)
    )
    assert done.returncode == 1
    assert "cannot be read as weights" in done.stderr
    assert not folder.exists() or not list(folder.iterdir())


GOLDEN_SERVICE = "tests.support.golden_service"


@pytest.fixture
def mirror(golden_checkpoint: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server that has the official file."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "midas_v21_small_256.pt").symlink_to(golden_checkpoint)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def default_of(server: ServerProcess) -> str:
    """The network that answers, and is said to: in the list, the log and the answer."""
    listed = server.client.get("/v1/models").json()["models"]
    (name,) = (one["name"] for one in listed if one["default"])
    answer = server.client.post("/predict", files={"image": MOTORCYCLE})
    assert answer.headers["x-depth-model"] == name
    assert f"{name} answers by default: DEPTH_MODEL=auto" in server.log()
    return str(name)


def test_set_up_with_a_mirror_makes_the_official_network_the_default(
    mirror: str,
    golden_checkpoint: Path,
    cache_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOLDEN_CHECKPOINT", str(golden_checkpoint))
    settings = {"weights_dir": str(tmp_path / "weights"), "cache_dir": str(cache_dir)}
    settings |= {"model": "auto", "weights_mirror": mirror}
    pulled = run_service("models", "pull", "auto", module=GOLDEN_SERVICE, **settings)
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert "answers by default" in pulled.stdout
    with ServerProcess(module=GOLDEN_SERVICE, **settings) as server:
        assert default_of(server) == MIDAS
    told = run_service("doctor", module=GOLDEN_SERVICE, **settings).stdout
    assert f"{MIDAS} answers by default" in told


def test_set_up_without_network_says_what_answers_and_goes_on(
    cache_dir: Path, tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = {"weights_dir": str(tmp_path / "weights"), "cache_dir": str(cache_dir)}
    settings |= {"model": "auto", "weights_mirror": nowhere}
    pulled = run_command("models", "pull", "auto", **settings)
    assert (pulled.returncode, pulled.stderr) == (0, "")
    (line,) = pulled.stdout.splitlines()
    assert "depth_lite_256" in line
    assert f"models pull {MIDAS}" in line
    with ServerProcess(**settings) as server:
        assert default_of(server) == "depth_lite_256"
    asked_for = run_command("models", "pull", MIDAS, **settings)
    assert asked_for.returncode != 0
