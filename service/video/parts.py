"""What of a clip is done: parts in a hidden folder beside the output, whoever ends on the way.

A part is so many frames, written by an encoder of its own, and the state that the next part starts
with; it counts once that state is there. So a run that goes on makes the same parts as one that was
never interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter
from service.machine.files import write_whole

State = Mapping[str, NDArray[Any]]

_ORDER, _SCENES, _STATE = "order.json", "scenes.json", "state.npz"


class Parts:
    """The folder of parts for the output ``path``."""

    def __init__(self, path: Path) -> None:
        self.folder = path.with_name(f".{path.name}.parts")

    def are_of(self, order: Mapping[str, Any]) -> bool:
        """Whether there are parts of that order."""
        return self._differing(order) == []

    def open(self, order: Mapping[str, Any], resume: bool) -> list[Path]:
        """The finished parts of an earlier run of the same ``order``; a new folder without.

        Raises :class:`InvalidParameter` where there is nothing of that order to go on with.
        """
        if not resume:
            self.remove()
            self.folder.mkdir()
            write_whole(self.folder / _ORDER, json.dumps(order, indent=1).encode())
            return []
        differing = self._differing(order)
        if differing is None:
            raise InvalidParameter(
                "There is no interrupted run of that output to go on with; leave --resume away."
            )
        if differing:
            raise InvalidParameter(
                f"The interrupted run had another {', '.join(differing)}; leave --resume away to "
                "start anew."
            )
        done: list[Path] = []
        while (self.part(len(done)) / _STATE).exists():
            done.append(self.part(len(done)))
        return done

    def _differing(self, order: Mapping[str, Any]) -> list[str] | None:
        """In what an interrupted run was another; None where there is none."""
        try:
            before = json.loads((self.folder / _ORDER).read_bytes())
        except (OSError, ValueError):
            return None
        return [key for key in order if before.get(key) != order[key]]

    def has_any(self) -> bool:
        """Whether there is anything to go on with."""
        return (self.part(0) / _STATE).exists()

    def part(self, number: int) -> Path:
        """The folder of one part."""
        return self.folder / f"{number:06}"

    def begin(self, number: int) -> Path:
        """An empty folder for a part; what an ended run had begun of it is gone."""
        folder = self.part(number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def finish(self, part: Path, state: State) -> None:
        """Let a part count as done."""
        unfinished = part / f"unfinished-{_STATE}"
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **state)
            os.fsync(file.fileno())
        unfinished.replace(part / _STATE)

    @staticmethod
    def state(part: Path) -> State:
        """What the part after ``part`` starts with."""
        with np.load(part / _STATE) as state:
            return dict(state)

    def scenes(self) -> list[dict[str, Any]] | None:
        """What the first pass found, if there was one."""
        path = self.folder / _SCENES
        return json.loads(path.read_bytes()) if path.exists() else None

    def keep_scenes(self, scenes: list[dict[str, Any]]) -> None:
        """Keep what the first pass found."""
        write_whole(self.folder / _SCENES, json.dumps(scenes).encode())

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
