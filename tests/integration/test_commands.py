"""The command line without a server."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import __version__
from tests.support.photos import photo_bytes, photo_path
from tests.support.server import ServerProcess, run_service


@pytest.mark.parametrize("format", ["heatmap", "npy"])
def test_predict_equals_the_server(
    server: ServerProcess, cache_dir: Path, tmp_path: Path, format: str
) -> None:
    output = tmp_path / "out"
    done = run_service(
        *("predict", str(photo_path("coffee.png")), "-o", str(output), "--format", format),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    served = server.client.post(
        f"/v1/depth?format={format}", files={"image": photo_bytes("coffee.png")}
    ).content
    if format == "npy":
        assert np.allclose(np.load(output), np.load(io.BytesIO(served)), atol=1e-5)
    else:
        ours, theirs = Image.open(output), Image.open(io.BytesIO(served))
        assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs)).max() <= 1


def test_predict_says_what_is_wrong(cache_dir: Path, tmp_path: Path) -> None:
    text = tmp_path / "photo.jpg"
    text.write_text("hello")
    for photo, reason in ((text, "supported formats"), (tmp_path / "no.jpg", "No such file")):
        done = run_service(
            "predict", str(photo), "-o", str(tmp_path / "o.png"), cache_dir=str(cache_dir)
        )
        assert done.returncode != 0
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_doctor(cache_dir: Path) -> None:
    done = run_service("doctor", cache_dir=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert "depth_lite_256 runs in" in done.stdout


def test_version() -> None:
    assert run_service("--version").stdout.strip() == __version__
