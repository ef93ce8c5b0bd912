"""Output files of a bulk run: each is there whole or not at all, whoever dies on the way."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from service.errors import WorkerLost

_SCRATCH = ".unfinished"
_MOST_ATTEMPTS = 3


class OutputFolder:
    """A folder of outputs, and in it a hidden one of what is unfinished.

    An output is begun as an unfinished file and renamed when it is whole. What a killed worker has
    begun stays unfinished, and so tells later attempts how often a file was tried.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scratch = path / _SCRATCH

    def open(self) -> None:
        """Create the folder; forget the attempts of earlier runs."""
        self.close()
        self._scratch.mkdir(parents=True)

    def close(self) -> None:
        """Remove what is unfinished."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def has(self, name: Path) -> bool:
        """Whether that output is done; one of an impossible name is not."""
        with contextlib.suppress(OSError):
            return (self.path / name).is_file()
        return False

    @contextlib.contextmanager
    def begun(self, name: Path) -> Iterator[Path]:
        """A file to write the output ``name`` to, which takes its place at the end.

        Removed when the block raises. Raises :class:`WorkerLost` when as many workers as are
        risked have died of this file.
        """
        with self.tried(name) as unfinished:
            yield unfinished
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(target)

    @contextlib.contextmanager
    def tried(self, name: Path) -> Iterator[Path]:
        """Count a try of the output ``name`` for as long as the block runs, by the file given.

        Raises as :meth:`begun`.
        """
        claim = self._claim(name)
        try:
            yield claim
        finally:
            claim.unlink(missing_ok=True)

    def _claim(self, name: Path) -> Path:
        digest = hashlib.sha256(name.as_posix().encode("utf-8", "surrogateescape")).hexdigest()
        for attempt in range(_MOST_ATTEMPTS):
            path = self._scratch / f"{digest}.{attempt}"
            with contextlib.suppress(FileExistsError):
                path.touch(exist_ok=False)
                return path
        raise WorkerLost(f"{_MOST_ATTEMPTS} workers ended while they had this file in hand.")
