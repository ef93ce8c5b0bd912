"""The lock that the image installs from, against what the project says it needs."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.server import ROOT

LOCK = (ROOT / "deploy" / "requirements.lock").read_text()
# Installed before the lock, from PyTorch's index for CPUs.
FROM_PYTORCH = {"torch", "torchvision"}


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, flags=re.MULTILINE))


def test_the_lock_has_every_dependency_in_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = locked()
    for dependency in map(Requirement, project["dependencies"]):
        name = canonicalize_name(dependency.name)
        if name not in FROM_PYTORCH:
            assert dependency.specifier.contains(versions[name]), name


def test_everything_in_the_lock_is_checked_by_hash() -> None:
    for entry in re.split(r"\n(?=\S)", LOCK.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_licence_of_everything_in_the_lock_is_listed() -> None:
    listed = (ROOT / "docs" / "licences.md").read_text()
    names = {canonicalize_name(name) for name in re.findall(r"^\| (\S+)", listed, re.MULTILINE)}
    assert locked().keys() <= names
    assert names >= FROM_PYTORCH
