"""Timing of calls on a noisy machine: alternate what is compared, and take medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def milliseconds(call: Callable[[], object]) -> float:
    """One call's time."""
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


_BURST = 4


def medians(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median time of each call over ``rounds`` rounds of all of them, in milliseconds.

    A round makes each call several times in a row and drops the first: threads of the call before
    still spin for a while, and the caches are its own.
    """
    for call in calls.values():
        call()  # Warm up.
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            samples[name] += [milliseconds(call) for _ in range(_BURST)]
    return {name: round(statistics.median(times), 2) for name, times in samples.items()}
