"""The installer of ``make setup``: by uv where the lock has it, and by pip where that fails."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.server import ROOT

_SPEC = importlib.util.spec_from_file_location("environment", ROOT / "deploy" / "environment.py")
assert _SPEC is not None
assert _SPEC.loader is not None
environment = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(environment)

PYTHON = Path(sys.executable)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip is set up to find packages in, and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nno-index = true\nfind-links =\n  {folder}\n  {tmp_path}\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    return folder


def wheel_of(name: str, folder: Path) -> str:
    """Write a package of one empty module; its entry in a lock."""
    info = f"{name}-1.0.dist-info"
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def installed(lock: Path, target: Path, uv: list[str] | None = None) -> bool:
    """Whether the lock could be installed into a folder; ``uv`` stands in for the real one."""
    with (target.with_name("install.log")).open("w") as log:
        installer = environment.Installer(PYTHON, log, lock)
        assert installer._uv is None
        installer._uv = uv
        by_hash = ("--require-hashes", "--no-deps", "--requirement", str(lock))
        return bool(installer.install("it", *by_hash, "--target", str(target)))


@pytest.mark.parametrize(
    "uv", [None, [sys.executable, "-c", "raise SystemExit('uv: no')"]], ids=["no uv", "uv fails"]
)
def test_pip_installs_what_uv_does_not(wheels: Path, tmp_path: Path, uv: list[str] | None) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(wheel_of("tried", wheels))
    assert installed(lock, tmp_path / "to", uv)
    assert (tmp_path / "to" / "tried.py").exists()


def test_other_bytes_than_the_locks_are_refused(wheels: Path, tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(wheel_of("tried", wheels))
    with zipfile.ZipFile(wheels / "tried-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("more.py", "")
    assert not installed(lock, tmp_path / "to")
    assert not (tmp_path / "to" / "tried.py").exists()


def test_pip_does_the_rest_once_uv_could_not(wheels: Path, tmp_path: Path) -> None:
    """Also what is asked for once: an index may be there for pip alone."""
    lock = tmp_path / "a.lock"
    lock.write_text(wheel_of("tried", wheels))
    with (tmp_path / "install.log").open("w") as log:
        installer = environment.Installer(PYTHON, log, lock)
        installer._uv = [sys.executable, "-c", "raise SystemExit('uv: no')"]
        into = ("--no-deps", "--target", str(tmp_path / "to"))
        assert not installer.install("it", *into, "tried==1.0", patient=False)
        assert installer.install("it", *into, "tried==1.0")
        assert installer.install("it", *into, "--upgrade", "tried==1.0", patient=False)


def test_uv_looks_where_pip_is_set_up_to(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In files, of several lines or one, and in the environment, which holds against them."""
    links = ["--find-links", str(wheels), "--find-links", str(tmp_path)]
    assert environment.reach(PYTHON) == [*links, "--no-index"]
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one/simple https://two/simple")
    with (tmp_path / "pip.conf").open("a") as config:
        config.write("index-url = https://file/simple\n[install]\nindex-url = https://own/simple\n")
    more = ["--extra-index-url", "https://one/simple", "--extra-index-url", "https://two/simple"]
    assert environment.reach(PYTHON) == ["--index-url", "https://own/simple", *more, *links]
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror/simple")
    assert environment.reach(PYTHON) == ["--index-url", "https://mirror/simple", *more, *links]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Downloading numpy-2.1.0-cp311-cp311-linux.whl (16.1 MB)", "1: numpy (16.1 MB)"),
        ("  Using cached a_b-1.0-py3-none-any.whl.metadata (3 kB)", "1: a_b (3 kB)"),
        ("Processing /wheels/torch-2.14.1-cp311.whl", "1: torch"),
        ("Downloading hf-xet (4.1MiB)", "1: hf-xet (4.1MiB)"),
    ],
)
def test_progress_names_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    monkeypatch.setattr(environment, "_SECONDS_BETWEEN_LINES", -1)
    environment.Progress("It", 0).take(f"{line}\n")
    assert capsys.readouterr().out == f"It ...\n  {said}\n"
