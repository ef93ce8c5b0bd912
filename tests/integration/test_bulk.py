"""A bulk run on a local Ray cluster, with a worker killed in mid-run: opt-in, TEST_BULK=1."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.clips import write_clip
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ROOT, ServerProcess, run_service, service_env
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(os.environ.get("TEST_BULK") != "1", reason="opt-in: make test-bulk"),
    pytest.mark.timeout(900),
]
PHOTOS = 300
BAD = {"bad/cut.jpg": "undecodable-image", "bad/text.jpg": "unsupported-media-type"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 good photos, all different, in subfolders, and two bad ones."""
    folder = tmp_path_factory.mktemp("photos")
    coffee = Image.open(io.BytesIO(photo_bytes("coffee.png"))).convert("RGB")
    for number in range(PHOTOS):
        path = folder / f"day{number % 7}" / f"{number:04}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(as_bytes(coffee.resize((400 + number, 400)), "JPEG"))
    (folder / "bad").mkdir()
    (folder / "bad" / "text.jpg").write_text("no photo")
    (folder / "bad" / "cut.jpg").write_bytes(as_bytes(coffee, "JPEG")[:500])
    return folder


def start_bulk(photos: Path, outputs: Path, cache_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        # Shells start background jobs with SIGINT ignored, and their children inherit that.
        [
            *("env", "--default-signal=INT", sys.executable, "-m", "service", "bulk"),
            *(str(photos), str(outputs), "--workers", "2"),
        ],
        env=service_env({"cache_dir": str(cache_dir)}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs_in(folder: Path) -> dict[str, int]:
    """Names of the outputs, and when each was written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*.png")
        if path.is_file()
    }


def wait_for_outputs(run: subprocess.Popen[str], folder: Path) -> None:
    """Until 30 outputs are there; says why when the run ends or hangs before."""
    try:
        wait_until(lambda: run.poll() is not None or len(outputs_in(folder)) >= 30, seconds=480)
        assert run.poll() is None, run.communicate()
    except AssertionError:
        run.terminate()
        raise


def worker_processes(run: subprocess.Popen[str]) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(run.pid).children(recursive=True)
        if child.is_running() and "_Task" in " ".join(child.cmdline())
    ]


def failures(outputs: Path) -> dict[str, str]:
    lines = (outputs / "failures.jsonl").read_text().splitlines()
    report = [json.loads(line) for line in lines]
    assert all(entry["detail"] for entry in report)
    return {entry["photo"]: entry["type"] for entry in report}


def test_a_killed_worker_costs_no_photo_and_a_second_run_makes_only_what_is_missing(
    photos: Path, tmp_path: Path, cache_dir: Path, server: ServerProcess
) -> None:
    outputs = tmp_path / "depth"
    expected = {f"day{n % 7}/{n:04}.jpg.png" for n in range(PHOTOS)}

    run = start_bulk(photos, outputs, cache_dir)
    wait_for_outputs(run, outputs)
    victim = worker_processes(run)[0]
    victim.send_signal(signal.SIGKILL)
    done_then = len(outputs_in(outputs))
    out, err = run.communicate(timeout=600)
    assert done_then < PHOTOS
    assert f"{PHOTOS} done, 0 were done before, 2 failed" in out, err
    assert run.returncode == 1
    written = outputs_in(outputs)
    assert set(written) == expected
    assert failures(outputs) == BAD
    assert {path.name for path in outputs.iterdir()} == {
        *(f"day{n}" for n in range(7)),
        *("failures.jsonl", ".made-by.json"),
    }
    for name in ("day0/0007.jpg.png", "day5/0299.jpg.png"):
        photo = (photos / name.removesuffix(".png")).read_bytes()
        served = server.client.post("/v1/depth", files={"image": photo}).content
        ours, theirs = Image.open(outputs / name), Image.open(io.BytesIO(served))
        assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs)).max() <= 1
    for name in expected:
        Image.open(outputs / name).load()

    removed = sorted(expected)[::20]
    for name in removed:
        (outputs / name).unlink()
    second = start_bulk(photos, outputs, cache_dir)
    out, err = second.communicate(timeout=600)
    assert f"{len(removed)} done, {PHOTOS - len(removed)} were done before, 2 failed" in out, err
    assert second.returncode == 1
    again = outputs_in(outputs)
    assert set(again) == expected
    assert {name for name in expected if again[name] != written[name]} == set(removed)


def test_an_interrupted_run_is_taken_up_where_it_stood(
    photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    outputs = tmp_path / "depth"
    run = start_bulk(photos, outputs, cache_dir)
    wait_for_outputs(run, outputs)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 130
    assert "goes on from here" in err
    before = outputs_in(outputs)
    assert 30 <= len(before) < PHOTOS

    second = start_bulk(photos, outputs, cache_dir)
    out, err = second.communicate(timeout=600)
    assert f"{PHOTOS - len(before)} done, {len(before)} were done before, 2 failed" in out, err
    assert second.returncode == 1
    after = outputs_in(outputs)
    assert len(after) == PHOTOS
    assert {name: after[name] for name in before} == before


def test_clips_go_through_one_a_task(tmp_path: Path, cache_dir: Path) -> None:
    clips, outputs = tmp_path / "clips", tmp_path / "depth"
    (clips / "sub").mkdir(parents=True)
    for name in ("a.mp4", "b.mkv", "sub/c.mp4"):
        write_clip(clips / name, 5, sound="aac")
    (clips / "text.mov").write_text("no clip")
    done = run_service(
        *("bulk", str(clips), str(outputs), "--workers", "2", "--video", ".mp4"),
        cache_dir=str(cache_dir),
    )
    assert "3 done, 0 were done before, 1 failed" in done.stdout, done.stderr
    made = {str(path.relative_to(outputs)) for path in outputs.rglob("*") if path.is_file()}
    assert made == {"a.mp4.mp4", "b.mkv.mp4", "sub/c.mp4.mp4", "failures.jsonl", ".made-by.json"}
    report = json.loads((outputs / "failures.jsonl").read_text())
    assert (report["clip"], report["type"]) == ("text.mov", "invalid-parameter")
