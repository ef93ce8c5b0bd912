"""The examples of the documentation, run as they stand there."""

from __future__ import annotations

import io
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from service.imaging.formats import FORMATS
from tests.support.busy import RETRY_AFTER_SECONDS, BusyFront
from tests.support.clips import write_clip
from tests.support.documents import examples
from tests.support.photos import jpeg_720p
from tests.support.programs import require_program
from tests.support.server import ROOT, ServerProcess

PHOTO = jpeg_720p()
ADDRESS = "127.0.0.1:8000"


def example(document: str, language: str) -> str:
    """The first block of code in that language."""
    code = examples(f"docs/{document}", language)[0]
    assert ADDRESS in code
    return code


def here(code: str, server: ServerProcess) -> str:
    """The code with the address of the test's server."""
    return code.replace(ADDRESS, server.url.removeprefix("http://"))


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


@pytest.mark.parametrize(
    ("chapter", "printed", "files"),
    [
        ("Reading the numbers", r"relative_inverse_depth \(720, 1280\) \S+e-0[5-9]", []),
        ("Effects", r"(too near: \S+ m)?", ["portrait.jpg", "mesh.glb"]),
        ("Errors", "", ["heatmap.png"]),
        ("A live camera", r"(\d \d+ \d+ \S+ ms\s?){3}", ["heatmap.png"]),
    ],
)
def test_an_example_of_what_can_be_done_does_it(
    server: ServerProcess, tmp_path: Path, chapter: str, printed: str, files: list[str]
) -> None:
    (code,) = examples("docs/clients.md", "python", chapter)
    assert ADDRESS in code
    done = run_example("python", here(code, server), tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(printed, done.stdout.strip())
    for name in files:
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("invert", ["false", "true"])
@pytest.mark.parametrize("query", ["", "&calibration=-0.275348,1.324636"])
def test_opencv_and_the_headers_give_the_numbers_whichever_way_the_levels_run(
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    invert: str,
    query: str,
) -> None:
    (code,) = examples("docs/clients.md", "python", "The numbers with OpenCV")
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    monkeypatch.chdir(tmp_path)
    code = code.replace('invert = "false"', f'invert = "{invert}"').replace(
        "format=depth16", f"format=depth16{query}"
    )
    program: dict[str, Any] = {}
    exec(here(code, server), program)  # noqa: S102 (our document's)
    answer = server.client.post(f"/v1/depth?format=npy{query}", files={"image": PHOTO})
    expected = np.load(io.BytesIO(answer.content))
    low, high = (float(answer.headers[f"X-Depth-{end}"]) for end in ("Min", "Max"))
    assert [low, high] == program["ends"]
    # Part of the metres is beyond reach.
    assert np.isinf(expected).any() == (query != "")
    expected[np.isinf(expected)] = high
    assert np.abs(program["depth"] - expected).max() <= 0.51 * (high - low) / 65535


def test_the_client_that_sends_a_clip_writes_one_of_the_same_length(
    server: ServerProcess, tmp_path: Path
) -> None:
    (code,) = examples("docs/stream.md", "python", "A clip")
    times = [0, 40, 100, 180]
    write_clip(tmp_path / "clip.mp4", 4, times=times)
    done = run_example("python", here(code, server), tmp_path)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "depth.mp4")) as output:
        frames = list(output.decode(video=0))
    assert [round(1000 * (frame.time or 0)) for frame in frames] == times
    assert (frames[0].width, frames[0].height) == (160, 90)
    picture = frames[0].to_ndarray(format="rgb24").astype(int)
    # Inferno: red before blue where it is bright.
    assert (picture[..., 0] - picture[..., 2]).max() > 100


@pytest.mark.parametrize(
    ("package", "last", "printed"),
    [
        ("numpy", "print(depth.shape, depth.dtype)", r"\(720, 1280\) float32"),
        ("PIL", "print(heatmap.size, heatmap.mode)", r"\(1280, 720\) P"),
        ("open3d", "print(len(cloud.points) > 1000, cloud.has_colors())", "True True"),
        ("bpy", "print('photo' in bpy.data.objects)", r"(?s).*True"),
    ],
)
def test_three_lines_end_with_it_in_the_tool(
    server: ServerProcess, tmp_path: Path, package: str, last: str, printed: str
) -> None:
    pytest.importorskip(package)
    for code in examples("docs/clients.md", "python", "In your tool"):
        if re.search(rf"(import|,|from) {package}\b", code):
            done = run_example("python", f"{here(code, server)}\n{last}", tmp_path)
            assert done.returncode == 0, done.stderr
            assert re.fullmatch(printed, done.stdout.strip())
            return
    raise AssertionError(f"{package}: no example")


def test_every_format_is_in_the_table_of_formats() -> None:
    text = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    table = text.partition("## Which format")[2].partition("\n## ")[0]
    for name in FORMATS:
        assert f"format={name}`" in table


# openapi-generator needs Java.
GENERATORS = [
    "openapi-python-client",
    pytest.param(
        "openapi-generator-cli",
        marks=pytest.mark.skipif(
            os.environ.get("TEST_CLIENTS") != "1", reason="opt-in: make test-clients"
        ),
    ),
]


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generated_client_gets_a_picture_by_default_and_an_object_where_it_asks_for_json(
    server: ServerProcess, tmp_path: Path, generator: str
) -> None:
    commands = examples("docs/clients.md", "sh", "Generated clients")
    codes = examples("docs/clients.md", "python", "Generated clients")
    (found,) = (at for at, command in enumerate(commands) if command.startswith(generator))
    folder = str(Path(sys.executable).parent)
    subprocess.run(
        shlex.split(here(commands[found], server)),
        cwd=tmp_path,
        # It formats what it made by ruff, which lies beside it.
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    done = run_example("python", here(codes[found], server), tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"relative_inverse_depth \d+ \d+ \d\.\d+", first)
    assert second == "model-not-found"
    expected = server.client.post("/v1/depth", files={"image": PHOTO}).content
    assert (tmp_path / "heatmap.png").read_bytes() == expected


def test_the_example_of_tritonclient(server: ServerProcess, tmp_path: Path) -> None:
    code = example("open_inference.md", "python")
    done = run_example("python", here(code, server), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(1, 720, 1280)\n"
