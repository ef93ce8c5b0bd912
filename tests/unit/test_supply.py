"""The locks that everything is installed from, against what the project says it needs."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.server import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
# Of people and CI, of the full image, of the slim one: each is a part of the one before.
DEV_LOCK, LOCK, SERVING_LOCK = (
    (ROOT / "deploy" / f"{name}.lock").read_text() for name in ("dev", "requirements", "serving")
)
HEIC_LOCK = (ROOT / "deploy" / "heic.lock").read_text()
# Outside the lock: PyTorch's index for CPUs has other builds of the same version.
FROM_PYTORCH = {"torch", "torchvision"}


def locked(lock: str = LOCK) -> dict[str, str]:
    """What it installs on Linux: name and version."""
    entries = map(Requirement, re.findall(r"^(\S+==.*?) \\$", lock, flags=re.MULTILINE))
    return {
        entry.name: str(entry.specifier).removeprefix("==")
        for entry in entries
        if entry.marker is None or entry.marker.evaluate({"sys_platform": "linux"})
    }


def test_the_lock_has_every_dependency_in_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = locked(DEV_LOCK)
    development = project["optional-dependencies"]["dev"]
    for dependency in map(Requirement, [*project["dependencies"], *development]):
        name = canonicalize_name(dependency.name)
        if name not in FROM_PYTORCH:
            assert dependency.specifier.contains(versions[name]), name


def test_the_slim_image_has_all_but_torch_in_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}
    serving = locked(SERVING_LOCK)
    assert needed - serving.keys() == FROM_PYTORCH | {"timm"}
    assert serving.items() <= locked().items()


def test_people_and_images_have_the_same_versions() -> None:
    assert locked().items() <= locked(DEV_LOCK).items()


def test_images_install_by_the_locks_hashes_alone() -> None:
    commands = re.split(r";|\|\||\n", DOCKERFILE.replace("\\\n", " "))
    installs = [command.strip() for command in commands if "pip install" in command]
    unlocked = [one for one in installs if "--require-hashes" not in one]
    assert len(installs) - len(unlocked) == 3
    ours_or_pytorch = re.compile(r"--no-index \.$|-r torch(?:-cpu)?\.txt$")
    assert all(ours_or_pytorch.search(one) for one in unlocked), unlocked
    locks = set(re.findall(r"\S+\.lock", DOCKERFILE))
    assert {"serving.lock", "requirements.lock", "heic.lock"} <= locks


def test_heic_in_images_is_what_tests_have() -> None:
    assert locked(HEIC_LOCK).items() <= locked(DEV_LOCK).items()
    assert locked(HEIC_LOCK).keys().isdisjoint(locked())
    assert re.search(r"^ARG DEPTH_HEIC=$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("lock", [DEV_LOCK, LOCK, SERVING_LOCK, HEIC_LOCK])
def test_everything_in_the_lock_is_checked_by_hash(lock: str) -> None:
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_licence_of_everything_in_the_lock_is_listed() -> None:
    listed = (ROOT / "docs" / "licences.md").read_text()
    names = {canonicalize_name(name) for name in re.findall(r"^\| (\S+)", listed, re.MULTILINE)}
    assert locked().keys() <= names
    assert names >= FROM_PYTORCH


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_an_sbom_is_of_what_an_image_installs() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    recipe = makefile.partition("\nsbom:")[2].partition("\n\n")[0]
    # As make runs it: what it does not know it takes for nothing.
    torch_of = re.search(r"requirements\.lock; (.*); \}", run("make", "--dry-run", "sbom"))
    assert torch_of
    lines = run("sh", "-c", torch_of[1]).split()
    assert {line.partition("==")[0] for line in lines} == FROM_PYTORCH
    assert all(re.fullmatch(r"[a-z]+==[0-9.]+", line) for line in lines)
    assert " environment " not in recipe
    installed = set(re.findall(r"\S+\.lock", DOCKERFILE)) & {"serving.lock", "requirements.lock"}
    assert set(re.findall(r"deploy/(\S+\.lock)", recipe)) == installed
