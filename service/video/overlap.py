"""Stages of work that run side by side, each a few items ahead of the next."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 4
_CHECK_SECONDS = 0.2


def ahead(items: Iterable[T]) -> Generator[T]:
    """``items``, made in a thread of their own, some in advance.

    What making them raises is raised here. When it is closed, the thread ends with the item it is
    at, and closing waits for that.
    """
    made: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(entry: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                made.put(entry, timeout=_CHECK_SECONDS)
                return

    def make() -> None:
        try:
            for item in items:
                put((item,))
                if stopped.is_set():
                    break
            put(None)
        except BaseException as error:
            put(error)
        finally:
            # A stage before this one ends with it.
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while (entry := made.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
    finally:
        stopped.set()
        thread.join()
