"""Numbers of official networks, a folder each: what ours are compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.golden.weights_rule import draw_state

GOLDEN = Path(__file__).parent


@dataclass(frozen=True)
class Golden:
    """One network's folder; ``name`` is what its numbers are stored under.

    A network whose official code gives another's numbers has a manifest that says only that
    (``same_as``). The official end-to-end map of a photo is then the other's, and not to be used.
    """

    name: str
    facts: dict[str, Any]
    own_photo: bool = True

    @property
    def tolerance(self) -> float:
        """Largest difference allowed: that of runs that are equal on paper, four times."""
        return float(self.facts["tolerance"])

    @property
    def large(self) -> bool:
        """Whether its tests take over 20 seconds of a core, and so have a target of their own."""
        return bool(self.facts.get("large"))

    def stored_key(self, which: str) -> str:
        """Under which name the output for input ``A``, ``B`` or ``photo`` is stored."""
        usual = {"A": "A", "B": "B", "photo": "depth"}
        return str(self.facts.get("stored_keys", usual)[which])

    def arrays(self, file: str) -> dict[str, NDArray[Any]]:
        """What a file of the folder holds: ``seed0``, ``e2e_seed0``."""
        with np.load(GOLDEN / self.name / f"{file}.npz") as arrays:
            return dict(arrays)

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights that the official network was run with, by their official keys."""
        return draw_state(self.facts)

    @property
    def outer(self) -> str:
        """Under which name the official file has its state dict; empty where it is nothing else."""
        return str(self.facts.get("wrapped_in", ("", ""))[0])

    @property
    def prefix(self) -> str:
        """What the official training code puts before every key."""
        return str(self.facts.get("wrapped_in", ("", ""))[1])


def golden(name: str) -> Golden:
    """The numbers that the network ``name`` must give; raises ``FileNotFoundError`` for none."""
    facts = json.loads((GOLDEN / name / "manifest.json").read_text())
    same_as = facts.get("same_as")
    return Golden(same_as, golden(same_as).facts, False) if same_as else Golden(name, facts)


def golden_names() -> list[str]:
    """Networks that have numbers of the official code."""
    return sorted(path.parent.name for path in GOLDEN.glob("*/manifest.json"))
