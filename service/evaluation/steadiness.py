"""How steady the depth of a clip is, and how far it lags behind what moves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Still = NDArray[np.bool_]

_LARGEST_LAG = 4.0
_LAG_STEP = 0.1


def flicker(frames: Iterable[Plane], still: Iterable[Still]) -> float:
    """Mean change from frame to frame of what stands still, in the unit of ``frames``.

    ``frames`` are maps ``(h, w)``, ``still`` says for each but the first where nothing changed
    since the one before.
    """
    changes = [
        np.abs(after - before)[unchanged]
        for (before, after), unchanged in zip(itertools.pairwise(frames), still, strict=True)
    ]
    every = np.concatenate(changes)
    return float(every.mean()) if every.size else 0.0


def lag(frames: Sequence[Plane], reference: Sequence[Plane], moving: Sequence[Still]) -> float:
    """By how many frames ``frames`` are behind ``reference`` where something moves.

    The delay, in tenths of a frame, at which the reference (mixed linearly between its frames)
    is nearest to ``frames``; both are ``(h, w)`` in one scale. At most 4.
    """
    first = int(np.ceil(_LARGEST_LAG))

    def error(delay: float) -> float:
        whole, share = int(delay), np.float32(delay - int(delay))
        total = 0.0
        for number in range(first, len(frames)):
            late = (1 - share) * reference[number - whole]
            if share:
                late = late + share * reference[number - whole - 1]
            total += float(np.abs(frames[number] - late)[moving[number]].sum())
        return total

    delays = np.arange(0, _LARGEST_LAG, _LAG_STEP)
    return float(delays[np.argmin([error(delay) for delay in delays])])
