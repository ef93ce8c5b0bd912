from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from service.machine import memory

# Page faults of ten buffers of 48 MB, each freed before the next: glibc itself keeps up to 32.
_FAULTS = """
import resource, sys
import numpy as np
from service.machine.memory import keep_large_buffers

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.empty(48_000_000, np.uint8)[::4096] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
keep_large_buffers()
faults()
print(first, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these options")
def test_freed_buffers_are_used_again_without_new_pages() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True
    )
    fresh, kept = map(int, done.stdout.split())
    assert kept < 0.1 * fresh


class OldLibc:
    """A C library whose freed buffers may stay below a limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: list[tuple[int, int]] = []

    def mallopt(self, option: int, value: int) -> int:
        if value > self.most:
            return 0
        self.taken.append((option, value))
        return 1


@pytest.mark.parametrize(
    ("most", "taken"), [(1 << 25, [(-3, 1 << 25), (-1, 1 << 25)]), (1 << 24, [])]
)
def test_an_older_glibc_keeps_what_it_can_or_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, most: int, taken: list[tuple[int, int]]
) -> None:
    libc = OldLibc(most)
    monkeypatch.setattr(memory, "_libc", lambda: libc)
    memory.keep_large_buffers()
    assert libc.taken == taken
