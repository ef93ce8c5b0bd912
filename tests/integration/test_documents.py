"""Every command of the documents, as it stands there: run, or at least understood."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.__main__ import parse
from tests.support.documents import examples
from tests.support.programs import require_program
from tests.support.rolling import PHOTO
from tests.support.server import ROOT, ServerProcess, service_env

DOCUMENTS = ["README.md", "SECURITY.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]
PYTHON = ".venv/bin/python"
SERVICE = "depth-service"
# Need a cluster, an image or an installation that a test has not.
ELSEWHERE = {"git", "docker", "kubectl"}
# Are run by test_clients.py.
GENERATORS = {"openapi-python-client", "openapi-generator-cli"}
# As printed, but for what the reader has to fill in.
NOT_HERE = ("KEY", "midas_v21_small_256")
_INLINE = re.compile(rf"`([^`\n]*(?:python -m|\b{SERVICE}) [^`\n]+)`")


def commands(document: str) -> list[str]:
    """Each command of the blocks, without comments, on one line."""
    lines = "\n".join(examples(document, "sh")).replace("\\\n", " ").splitlines()
    stripped = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in lines)
    return [line for line in stripped if line]


def inline_commands() -> list[tuple[str, str]]:
    return [
        (document, command)
        for document in DOCUMENTS
        for command in _INLINE.findall((ROOT / document).read_text(encoding="utf-8"))
    ]


def block_commands() -> list[tuple[str, str]]:
    return [(document, command) for document in DOCUMENTS for command in commands(document)]


def words_of(command: str) -> list[str]:
    """Its words, without variables before it and what stands after ``>>`` or ``&&``."""
    words = shlex.split(re.split(r">>|&&", command)[0])
    return [word for index, word in enumerate(words) if index or "=" not in word]


def understand(words: list[str]) -> None:
    """Fail if a program, a module, an option, an extra or a make target is not there."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program, *arguments = words or ["", ""]
    if program == "make":
        targets = [word for word in arguments if "=" not in word]
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    elif program == SERVICE:
        parse(arguments)
    elif program == ".":
        assert arguments == [".venv/bin/activate"]
    elif program == PYTHON:
        flag, module, *rest = arguments
        assert flag == "-m"
        assert module != "service", f"installed it is called {SERVICE}"
        if module == "pip":
            (extra,) = re.findall(r"\[(\w+)\]", rest[-1])
            project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
            assert extra in project["project"]["optional-dependencies"]
        else:
            assert importlib.util.find_spec(module) is not None
    else:
        assert program in {"curl", "", *ELSEWHERE, *GENERATORS}


def test_there_are_commands_to_look_at() -> None:
    assert len(block_commands()) > 40
    assert len(inline_commands()) > 20


@pytest.mark.parametrize(("document", "command"), [*block_commands(), *inline_commands()])
def test_a_command_names_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str, command: str
) -> None:
    (tmp_path / "photo.jpg").touch()
    monkeypatch.chdir(tmp_path)
    understand(words_of(command))


def places(document: Path) -> set[str]:
    """The anchors of a document: those of its headings, as forges make them, and its own."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_a_link_leads_to_a_file_and_to_a_place_in_it(document: str) -> None:
    path = ROOT / document
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, place = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not place or place in places(target), link


def test_the_map_of_documents_has_all_of_them() -> None:
    listed = set(re.findall(r"\]\(([a-z_]+\.md)\)", (ROOT / "docs/README.md").read_text()))
    assert listed == {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}


def runnable(document: str) -> list[str]:
    return [
        command
        for command in commands(document)
        if re.match(rf"curl |URL=|{SERVICE} (predict |keys |photo)", command)
        and not any(word in command for word in NOT_HERE)
    ]


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if runnable(name)])
def test_what_needs_only_a_photo_and_a_server_runs_as_printed(
    server: ServerProcess, cache_dir: Path, tmp_path: Path, document: str
) -> None:
    require_program("curl")
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "next.jpg", "photos/a.jpg"):
        (tmp_path / name).write_bytes(PHOTO)
    # What a depth camera gives: colours, and millimetres.
    Image.fromarray(np.zeros((480, 640, 3), np.uint8)).save(tmp_path / "rgb.png")
    millimetres = np.linspace(500, 4000, 480 * 640).reshape(480, 640)
    Image.fromarray(millimetres.astype(np.uint16)).save(tmp_path / "depth_mm.png")
    script = "\n".join(
        [
            "set -e",
            'curl() { command curl --fail-with-body --silent --show-error "$@" >>answers; }',
            *(
                re.sub(r"(127\.0\.0\.1|localhost):8000", _address(server), line)
                for line in runnable(document)
            ),
        ]
    )
    done = subprocess.run(
        [shutil.which("bash") or "sh", "-xc", script],
        cwd=tmp_path,
        env=service_env({"cache_dir": str(cache_dir)})
        | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _address(server: ServerProcess) -> str:
    return server.url.removeprefix("http://")
