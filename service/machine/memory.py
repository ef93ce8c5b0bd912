"""Keep the C libraries below from holding on to memory.

The heap functions do nothing where glibc is not. Measured with torch loaded, after 60 requests
from 4 clients: 954 MB resident without them, 882 MB with (`python -m load_tests.memory` prints
the long run).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2
# The largest first: some versions of glibc refuse a threshold of more than 32 MB.
_KEPT_BYTES = (1 << 26, 1 << 25)


def limit_kernel_caches() -> None:
    """Make torch keep 64 CPU kernels instead of 1024; call before torch is imported.

    It keeps them for each shape it has seen. The limit keeps a server with torch under 1 GB over
    twelve aspect ratios (939 instead of 1,017 MB) and costs torch a third of its speed: torch is
    the reference and the fallback, and who needs it fast may set the variables.
    """
    for variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(variable, "64")


def limit_arenas() -> None:
    """Let threads share two heaps instead of eight a core; call before threads start.

    Large buffers move between threads here, and each heap they pass through keeps its peak.
    """
    _set_option(_M_ARENA_MAX, _ARENAS)


def keep_large_buffers() -> None:
    """Keep up to 64 MB a heap that was freed (32 where glibc allows no more), for the next photo.

    Else every picture's buffers are new pages, which the kernel clears first: a 12 MP heatmap took
    112 ms instead of 101 (medians of three alternating runs of `python -m load_tests.bench`), for
    50 MB less in memory after 200 photos of 720p.
    """
    for kept in _KEPT_BYTES:
        # Never the second option alone: glibc then stops raising the first by itself, and every
        # buffer of more than 128 KB is new pages.
        if _set_option(_M_MMAP_THRESHOLD, kept):
            _set_option(_M_TRIM_THRESHOLD, kept)
            return


def release_free_memory() -> None:
    """Give free memory back to the system, such as what loading a network leaves behind."""
    malloc_trim = getattr(_libc(), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where it cannot be told."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _set_option(option: int, value: int) -> bool:
    """Whether glibc took it."""
    mallopt = getattr(_libc(), "mallopt", None)
    return mallopt is not None and mallopt(option, value) == 1


def _libc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
