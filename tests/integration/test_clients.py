"""The examples of the documentation, run as they stand there."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.busy import RETRY_AFTER_SECONDS, BusyFront
from tests.support.documents import examples
from tests.support.photos import jpeg_720p
from tests.support.programs import require_program
from tests.support.server import ServerProcess

PHOTO = jpeg_720p()
ADDRESS = "127.0.0.1:8000"


def example(document: str, language: str) -> str:
    """The first block of code in that language."""
    code = examples(f"docs/{document}", language)[0]
    assert ADDRESS in code
    return code


def run_example(language: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    programs: dict[str, tuple[str, tuple[str, ...]]] = {
        "sh": ("example.sh", ("sh",)),
        "python": ("example.py", (sys.executable,)),
        "js": ("example.mjs", ("node",)),
        "go": ("example.go", ("go", "run")),
    }
    file, (program, *arguments) = programs[language]
    if language == "sh":
        require_program("curl")
    path = program if program == sys.executable else require_program(program)
    (folder / file).write_text(code)
    (folder / "photo.jpg").write_bytes(PHOTO)
    return subprocess.run(
        [path, *arguments, file],
        cwd=folder,
        env=os.environ | {"GOCACHE": str(folder / "go"), "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("language", ["sh", "python", "js", "go"])
def test_an_example_waits_as_long_as_it_is_told_and_gets_the_heatmap(
    server: ServerProcess, tmp_path: Path, language: str
) -> None:
    code = example("clients.md", language)
    with BusyFront(server.url, statuses=[503, 429]) as front:
        done = run_example(language, code.replace(f"http://{ADDRESS}", front.url), tmp_path)
    assert done.returncode == 0, done.stderr
    expected = server.client.post("/v1/depth", files={"image": PHOTO}).content
    assert (tmp_path / "heatmap.png").read_bytes() == expected
    first, second, third = front.arrivals
    assert second - first >= RETRY_AFTER_SECONDS
    assert third - second >= RETRY_AFTER_SECONDS


@pytest.mark.parametrize(
    ("language", "status"),
    # curl tries again after any 503.
    [("sh", 400), *itertools.product(["python", "js", "go"], [400, 503])],
)
def test_an_example_fails_at_once_on_what_waiting_cannot_mend(
    server: ServerProcess, tmp_path: Path, language: str, status: int
) -> None:
    code = example("clients.md", language)
    with BusyFront(server.url, statuses=[status], heals=False) as front:
        done = run_example(language, code.replace(f"http://{ADDRESS}", front.url), tmp_path)
    assert done.returncode != 0
    assert str(status) in done.stdout + done.stderr
    assert len(front.arrivals) == 1


def test_the_example_of_tritonclient(server: ServerProcess, tmp_path: Path) -> None:
    code = example("open_inference.md", "python")
    done = run_example(
        "python", code.replace(ADDRESS, server.url.removeprefix("http://")), tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(1, 720, 1280)\n"
