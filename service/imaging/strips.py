"""Large pictures in strips of rows: all at once, for time, or in turn, for memory.

At once, each has a thread of its own: numpy, OpenCV and igzip let go of the GIL. To colour and
encode a 12 MP heatmap took a third of its request's time while other cores were idle. On two cores
that share their memory's speed it takes four fifths of that now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from service.machine.checkpoint import checkpoint
from service.machine.cpu import cpu_budget

T = TypeVar("T")

# With fewer values, handing work over costs what it saves.
_LEAST_VALUES = 2_000_000
# Of a strip in turn: float planes of it take 2 MB each.
_STRIP_PIXELS = 1 << 19


class _Process:
    """Of this process: whether strips have threads of their own."""

    has_threads = True


def keep_to_one_thread() -> None:
    """Let :func:`in_strips` start no threads from now on: for a process that may not."""
    _Process.has_threads = False


@dataclass(frozen=True)
class Strip:
    """Rows ``first`` to ``end`` of a picture, and ``top`` to ``bottom`` that work on them reads."""

    first: int
    end: int
    top: int
    bottom: int

    @property
    def rows(self) -> slice:
        """What is made, in the picture."""
        return slice(self.first, self.end)

    @property
    def read(self) -> slice:
        """What is read, in the picture."""
        return slice(self.top, self.bottom)

    @property
    def inner(self) -> slice:
        """What is made, in what is read."""
        return slice(self.first - self.top, self.end - self.top)


def strips_in_turn(shape: tuple[int, ...], margin: int = 0, multiple: int = 1) -> Iterator[Strip]:
    """Strips of rows from the top, each read with ``margin`` rows on either side of it.

    ``shape``: ``(height, width)``, or more. At least as many rows are made as are read beside
    them, so that margins at most double the work. What is made and read begins at a ``multiple``
    of rows. Raises :class:`Abandoned` between strips when nobody waits for the picture any more.
    """
    height, width = shape[:2]
    margin = -(-margin // multiple) * multiple
    count = -(-max(1, 2 * margin, _STRIP_PIXELS // width) // multiple) * multiple
    for first in range(0, height, count):
        checkpoint()
        end = min(first + count, height)
        yield Strip(first, end, max(0, first - margin), min(height, end + margin))


def in_strips(shape: tuple[int, ...], work: Callable[[int, int], T]) -> list[T]:
    """Results of ``work(first, end)`` for consecutive strips of rows, from the top.

    ``shape``: ``(height, width)``, or more. One strip for small pictures, else one for each
    usable CPU.
    """
    height, width = shape[:2]
    is_large = height * width >= _LEAST_VALUES
    count = min(cpu_budget(), height) if is_large and _Process.has_threads else 1
    ends = [height * strip // count for strip in range(count + 1)]
    if count == 1:
        return [work(0, height)]
    # Threads of its own take 0.1 ms to start, never wait behind other pictures, and are gone
    # when the service is to end.
    with ThreadPoolExecutor(count - 1, thread_name_prefix="strips") as others:
        rest = others.map(work, ends[1:-1], ends[2:])
        return [work(0, ends[1]), *rest]


def bytes_in_turn(pixels: int, per_pixel: float, per_strip_pixel: float) -> int:
    """Memory of work that holds so many bytes for each pixel, and more for those of a strip."""
    return round(per_pixel * pixels + per_strip_pixel * min(pixels, _STRIP_PIXELS))
