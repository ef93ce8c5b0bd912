"""Threads for one kind of work, which know what they are at and who still waits for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from service.machine.checkpoint import abandoned_by

T = TypeVar("T")


class Held(Protocol):
    """What is in use for as long as somebody holds it: a ticket, a place."""

    def hold(self) -> None:
        """Add a holder."""

    def drop(self) -> None:
        """Remove a holder."""


@dataclass(eq=False)
class _Piece:
    """One piece of work; times are by ``time.monotonic()``."""

    abandoned: threading.Event = field(default_factory=threading.Event)
    started_at: float | None = None
    abandoned_at: float | None = None


class WorkThreads:
    """Runs work off the event loop.

    A piece that nobody waits for any more is left out if it has not begun; else its thread stops at
    its next :func:`service.machine.checkpoint.checkpoint`, and what it holds is given back then.
    ``niceness`` is that of Linux: above 0, the work stands back behind everything else.
    """

    def __init__(self, name: str, threads: int, niceness: int = 0) -> None:
        self.threads = threads
        self._niceness = niceness
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, name, self._stand_back)
        self._pieces: set[_Piece] = set()
        self._start_all()

    def waiting(self) -> int:
        """Pieces of work that no thread has begun."""
        return sum(piece.started_at is None for piece in self._pieces)

    def oldest_work_seconds(self) -> float:
        """How long the threads have been at their longest running piece; 0 when idle."""
        return _age(piece.started_at for piece in self._pieces)

    def oldest_abandoned_seconds(self) -> float:
        """How long a thread has gone on with work that nobody waits for; 0 if none has."""
        return _age(piece.abandoned_at for piece in self._pieces)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, held: Sequence[Held], work: Callable[..., T], *args: object) -> T:
        """Run ``work`` in a thread, and hold all of ``held`` until it has really ended."""
        loop = asyncio.get_running_loop()
        piece = _Piece()

        def run() -> T:
            piece.started_at = time.monotonic()
            with abandoned_by(piece.abandoned):
                return work(*args)

        def release() -> None:
            self._pieces.discard(piece)
            for each in held:
                each.drop()

        def ended(_: concurrent.futures.Future[T]) -> None:
            # The loop may be closed at shutdown; nothing is needed then.
            if not loop.is_closed():
                loop.call_soon_threadsafe(release)

        # What is logged there is of this request.
        future = self._pool.submit(contextvars.copy_context().run, run)
        # Held before anything awaits, so before the loop hears that it has ended.
        self._pieces.add(piece)
        for each in held:
            each.hold()
        future.add_done_callback(ended)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            piece.abandoned_at = time.monotonic()
            piece.abandoned.set()
            raise

    def _start_all(self) -> None:
        """Make the threads now: in mid-request there may be no process left for one.

        Raises :class:`RuntimeError` if there is none.
        """
        all_there = threading.Barrier(self.threads)
        try:
            waits = [self._pool.submit(all_there.wait) for _ in range(self.threads)]
        except RuntimeError:
            all_there.abort()
            raise
        for wait in waits:
            wait.result()

    def _stand_back(self) -> None:
        if self._niceness and hasattr(os, "setpriority"):
            # Of a thread on Linux, where each has a priority of its own.
            with contextlib.suppress(OSError):
                thread = threading.get_native_id()
                behind = os.getpriority(os.PRIO_PROCESS, thread) + self._niceness
                os.setpriority(os.PRIO_PROCESS, thread, behind)


def _age(moments: Iterable[float | None]) -> float:
    since = min((moment for moment in moments if moment is not None), default=None)
    return 0.0 if since is None else time.monotonic() - since
