"""``python -m tests.support.gated_service serve``: the service with two effects that do not end.

``relief`` and ``stereo`` are at work until the file named by ``DEPTH_WEIGHTS_DIR`` + ``/open``
exists; ``stereo`` looks at every step whether anybody still waits for it, ``relief`` never does.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.__main__ import main
from service.effects import catalog
from service.effects.record import Effect, Source
from service.machine.checkpoint import checkpoint
from service.settings import Settings


def gate_of(weights_dir: Path) -> Path:
    """The file that lets the effects end."""
    return weights_dir / "open"


def gated(effect: Effect[Any], step: Callable[[], None]) -> Effect[Any]:
    """The effect, at work until the gate is open."""
    gate = gate_of(Settings().weights_dir)

    def make(source: Source, options: Any) -> bytes:
        while not gate.exists():
            time.sleep(0.01)
            step()
        return effect.make(source, options)

    return dataclasses.replace(effect, make=make)


if __name__ == "__main__":
    effects = dict(catalog.EFFECTS)
    effects["relief"] = gated(effects["relief"], step=lambda: None)
    effects["stereo"] = gated(effects["stereo"], step=checkpoint)
    vars(catalog)["EFFECTS"] = effects
    raise SystemExit(main())
