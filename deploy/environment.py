"""Make a virtual environment of exactly what a lock says, with a line of progress for each package.

    python3 deploy/environment.py FOLDER LOCK [--torch INDEX]
    python3 deploy/environment.py FOLDER NEWER_LOCK --over OTHER_FOLDER ITS_LOCK

The second form installs what is newer, over another environment that brings the rest: seconds.
For any Python from 3.11 with its own pip and nothing else. A lock that has uv is installed by it,
once pip has fetched that: it unpacks and compiles on all cores, in half the time or less. Where it
cannot, pip does. PyTorch stays outside of the locks: its builds for CPUs have the version of the
general one and other bytes, and not everybody reaches their index. All that both say is in
FOLDER/install.log.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

_ROOT = Path(__file__).parents[1]
_STEP = re.compile(
    r"\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([A-Za-z0-9_.-]+?)(?:-\d\S*)?( \(.*|)$"
)
_UNPACKING = ("Installing collected packages", "Prepared ")
# How pip is set up to reach packages: uv has the same options, but does not look there for them.
_REACH = ("index-url", "extra-index-url", "find-links")
# Of what says so, the later holds.
_RANKS = ("global", "install", ":env:")
# Of both: for an index that not everybody reaches.
_ONCE = {
    **{"PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "15"},
    **{"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "15"},
}
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
        """Read a line of pip's or uv's."""
        found = _STEP.match(line)
        if found:
            self._count += 1
            self._say(f"  {self._count}{self._total}: {found[1]}{found[2]}")
        elif line.startswith(_UNPACKING):
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


class Installer:
    """Installs into the environment of ``python``: by the uv of ``lock``, or without one by pip.

    Where uv cannot install what is in the lock, pip does this and all that follows.
    """

    def __init__(self, python: Path, log: TextIO, lock: Path | None = None) -> None:
        self._log = log
        self._pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
        self._pip += ["--progress-bar", "off"]
        self._uv = self._locked_uv(python, lock) if lock else None

    def install(self, title: str, *arguments: str, total: int = 0, patient: bool = True) -> bool:
        """Whether it could. One that is not patient asks once, and may be asked in vain."""
        # uv names only what is large.
        progress = Progress(title, 0 if self._uv else total)
        if self._uv:
            if self._run(self._uv, arguments, patient, progress):
                return True
            if not patient:
                return False
            self._uv = None
            print("  uv could not; pip goes on, and takes longer", flush=True)
        return self._run(self._pip, arguments, patient, progress)

    def _locked_uv(self, python: Path, lock: Path) -> list[str] | None:
        found = [entry for entry in entries_of(lock) if entry.startswith("uv==")]
        alone = Path(self._log.name).with_name("uv.lock")
        alone.write_text("\n".join(found))
        by_hash = ("--require-hashes", "--no-deps", "--requirement", str(alone))
        if not found or not self._run(self._pip, by_hash, True, Progress("uv", 1)):
            return None
        uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--no-progress"]
        return [*uv, "--compile-bytecode", "--index-strategy", "unsafe-best-match", *reach(python)]

    def _run(
        self, command: list[str], arguments: Sequence[str], patient: bool, progress: Progress
    ) -> bool:
        once = {} if patient else _ONCE
        with subprocess.Popen(  # noqa: S603 (our own interpreter)
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **once},
        ) as installing:
            assert installing.stdout is not None  # noqa: S101
            for line in installing.stdout:
                self._log.write(line)
                progress.take(line)
        self._log.flush()
        progress.end()
        return installing.returncode == 0


def reach(python: Path) -> list[str]:
    """How pip is set up to reach packages, as options."""
    listed = subprocess.run(  # noqa: S603 (our own interpreter)
        [str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    # Values are written as Python has them: of several lines where a file has.
    found = {
        (where, name): str(ast.literal_eval(value))
        for where, name, value in re.findall(r"(?m)^(\S+?)\.([a-z-]+)=(.*)$", listed.stdout)
    }
    settings = {name: found[rank, name] for rank in _RANKS for at, name in found if at == rank}
    options = [(f"--{name}", one) for name in _REACH for one in settings.get(name, "").split()]
    unreached = settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
    return [*(word for option in options for word in option), *(["--no-index"] * unreached)]


def entries_of(lock: Path) -> list[str]:
    """A package and its hashes each."""
    return re.split(r"\n(?=\S)", lock.read_text().strip())


def torch_requirements() -> list[str]:
    """PyTorch and its companion in the versions that fit each other."""
    return re.findall(r'"(torch(?:vision)?==[^"]+)"', (_ROOT / "pyproject.toml").read_text())


def install_torch(installer: Installer, index: str) -> bool:
    """The build for CPUs, or else the general one, which is larger and works as well."""
    exact = torch_requirements()
    for_cpus = [f"{one}+cpu" for one in exact]
    theirs = ("--no-deps", "--index-url", index)
    if installer.install("PyTorch for CPUs, 200 MB", *theirs, *for_cpus, patient=False):
        return True
    print("  cannot be fetched; the general build works as well and is larger")
    return installer.install("PyTorch, 3 GB of which a CPU uses 0.4", *exact)


def newer_than(lock: Path, newest: Path) -> list[str]:
    """The entries of ``newest`` that ``lock`` has not, with a line about each."""
    entries = {path: entries_of(path) for path in (lock, newest)}
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
        installer = Installer(folder / "bin" / "python", log)
        if installer.install("What is newer", *arguments, total=len(changed)):
            return 0
    return give_up(folder)


def give_up(folder: Path) -> int:
    """Print the end of what the installer said."""
    log = folder / "install.log"
    lines = log.read_text().splitlines()
    print("\n".join(["It cannot be installed:", *lines[-12:], f"All it said is in {log}."]))
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
        installer = Installer(python, log, parsed.lock)
        done = (
            installer.install(f"{locked} packages of {parsed.lock}", *by_hash, total=locked)
            and (parsed.torch is None or install_torch(installer, parsed.torch))
            and installer.install("The service itself", *ours)
        )
    return 0 if done else give_up(parsed.folder)


if __name__ == "__main__":
    sys.exit(main())
