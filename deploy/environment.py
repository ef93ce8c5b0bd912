"""Make a virtual environment of exactly what a lock says, with a line of progress for each package.

    python3 deploy/environment.py FOLDER LOCK [--torch INDEX]
    python3 deploy/environment.py FOLDER NEWER_LOCK --over OTHER_FOLDER ITS_LOCK

The second form installs what is newer, over another environment that brings the rest: seconds.
For any Python from 3.11 with its own pip and nothing else. PyTorch stays outside of the locks: its
builds for CPUs have the version of the general one and other bytes, and not everybody reaches their
index. What pip says in full is in FOLDER/install.log.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import TextIO

_ROOT = Path(__file__).parents[1]
_STEP = re.compile(
    r"\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([A-Za-z0-9_.]+?)-\d\S*(.*)"
)
# Where nobody looks on (a pipeline's log), a line now and then.
_SECONDS_BETWEEN_LINES = 20


class Progress:
    """The package at hand, in place on a terminal."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total = title, f" of {total}" if total else ""
        self._count = 0
        self._in_place = sys.stdout.isatty()
        self._said_at = time.monotonic()
        print(f"{title} ...", flush=True)

    def take(self, line: str) -> None:
        """Read a line of pip's."""
        found = _STEP.match(line)
        if found:
            self._count += 1
            self._say(f"  {self._count}{self._total}: {found[1]}{found[2]}")
        elif line.startswith("Installing collected packages"):
            self._say("  unpacking")

    def _say(self, text: str) -> None:
        if self._in_place:
            print(f"\r\x1b[K{text[:78]}", end="", flush=True)
        elif time.monotonic() - self._said_at > _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            print(text, flush=True)

    def end(self) -> None:
        """Leave no half line behind."""
        if self._in_place:
            print("\r\x1b[K", end="", flush=True)


def install(python: Path, log: TextIO, title: str, *arguments: str, total: int = 0) -> bool:
    """Run pip install; whether it could."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", *arguments]
    progress = Progress(title, total)
    with subprocess.Popen(  # noqa: S603 (our own interpreter)
        [*command, "--progress-bar", "off"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout is not None  # noqa: S101
        for line in pip.stdout:
            log.write(line)
            progress.take(line)
    log.flush()
    progress.end()
    return pip.returncode == 0


def torch_requirements() -> list[str]:
    """PyTorch and its companion in the versions that fit each other."""
    return re.findall(r'"(torch(?:vision)?==[^"]+)"', (_ROOT / "pyproject.toml").read_text())


def install_torch(python: Path, log: TextIO, index: str) -> bool:
    """The build for CPUs, or else the general one, which is larger and works as well."""
    exact = torch_requirements()
    for_cpus = [f"{one}+cpu" for one in exact]
    once = ("--retries", "0", "--timeout", "15", "--no-deps", "--index-url", index)
    if install(python, log, "PyTorch for CPUs, 200 MB", *once, *for_cpus):
        return True
    print("  cannot be fetched; the general build works as well and is larger")
    return install(python, log, "PyTorch, 3 GB of which a CPU uses 0.4", *exact)


def newer_than(lock: Path, newest: Path) -> list[str]:
    """The entries of ``newest`` that ``lock`` has not, with a line about each."""
    entries = {path: re.split(r"\n(?=\S)", path.read_text().strip()) for path in (lock, newest)}
    ours = dict(entry.split()[0].split("==") for entry in entries[lock])
    changed = [entry for entry in entries[newest] if entry not in entries[lock]]
    for entry in changed:
        name, version = entry.split()[0].split("==")
        print(f"  {name} {ours.get(name, 'none')} -> {version}")
    return changed


def overlay(folder: Path, newest: Path, below: Path, its_lock: Path) -> int:
    """Make ``folder`` of what is newer; without anything newer there is none afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    changed = newer_than(its_lock, newest)
    if not changed:
        print("The lock has the newest versions there are.")
        return 0
    venv.create(folder, with_pip=True)
    (below_packages,) = below.resolve().glob("lib/python3*/site-packages")
    (packages,) = folder.glob("lib/python3*/site-packages")
    # Not a plain path: that would leave out what is installed as editable.
    (packages / "below.pth").write_text(f"import site; site.addsitedir({str(below_packages)!r})\n")
    lock = folder / "changed.lock"
    lock.write_text("\n".join(changed) + "\n")
    with (folder / "install.log").open("w") as log:
        arguments = ("--ignore-installed", "--require-hashes", "--no-deps", "-r", str(lock))
        python = folder / "bin" / "python"
        if install(python, log, "What is newer", *arguments, total=len(changed)):
            return 0
    return give_up(folder)


def give_up(folder: Path) -> int:
    """Print the end of what pip said."""
    log = folder / "install.log"
    lines = log.read_text().splitlines()
    print("\n".join(["pip could not:", *lines[-12:], f"All it said is in {log}."]))
    return 1


def main() -> int:
    """Read the command line and make the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--torch", metavar="INDEX", help="index of PyTorch's builds for CPUs")
    parser.add_argument("--over", nargs=2, type=Path, metavar=("OTHER_FOLDER", "ITS_LOCK"))
    parsed = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever has an older one reads this)
        sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...")
    if parsed.over:
        return overlay(parsed.folder, parsed.lock, *parsed.over)
    python = parsed.folder / "bin" / "python"
    if not python.exists():
        venv.create(parsed.folder, with_pip=True)
    locked = len(re.findall(r"^\S+==", parsed.lock.read_text(), re.MULTILINE))
    ours = ("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(_ROOT))
    by_hash = ("--require-hashes", "--no-deps", "--requirement", str(parsed.lock))
    with (parsed.folder / "install.log").open("w") as log:
        done = (
            install(python, log, f"{locked} packages of {parsed.lock}", *by_hash, total=locked)
            and (parsed.torch is None or install_torch(python, log, parsed.torch))
            and install(python, log, "The service itself", *ours)
        )
    return 0 if done else give_up(parsed.folder)


if __name__ == "__main__":
    sys.exit(main())
