"""Long work asks now and then whether anybody still waits for it."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterator

_abandoned: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "abandoned", default=None
)


class Abandoned(Exception):
    """Nobody waits for this work any more; whoever started it has forgotten it already."""


@contextlib.contextmanager
def abandoned_by(event: threading.Event) -> Iterator[None]:
    """Let the block's checkpoints raise once ``event`` is set."""
    token = _abandoned.set(event)
    try:
        yield
    finally:
        _abandoned.reset(token)


def checkpoint() -> None:
    """Raise :class:`Abandoned` when nobody waits for the work that this thread is at."""
    event = _abandoned.get()
    if event is not None and event.is_set():
        raise Abandoned
