"""How much of a large set of inputs is tried: a seeded part in the gate, all of it on demand."""

from __future__ import annotations

import os

WHOLE = os.environ.get("TEST_WHOLE") == "1"


def gate_or_whole(gate: int, whole: int) -> int:
    """``gate`` with every change, ``whole`` in ``make test-hostile`` (TEST_WHOLE=1)."""
    return whole if WHOLE else gate
