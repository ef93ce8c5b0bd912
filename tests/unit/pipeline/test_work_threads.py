from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from service.machine.checkpoint import Abandoned, checkpoint
from service.observability.context import log_lines_of
from service.pipeline.work_threads import WorkThreads
from tests.support.log_lines import Line, LogLines


class Lent:
    """Something that is in use for as long as somebody holds it."""

    def __init__(self) -> None:
        self.holders = 1

    def hold(self) -> None:
        self.holders += 1

    def drop(self) -> None:
        self.holders -= 1


def test_what_cannot_be_begun_holds_nothing() -> None:
    lent, threads = Lent(), WorkThreads("test", 1)
    threads.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        asyncio.run(threads.run([lent], lambda: None))
    assert (lent.holders, threads.waiting()) == (1, 0)


class Gate:
    """Work that begins, tells so, and goes on when it may."""

    def __init__(self) -> None:
        self.begun, self.opened, self.left = (threading.Event() for _ in range(3))

    def work(self) -> str:
        self.begun.set()
        self.opened.wait(30)
        try:
            checkpoint()
        except Abandoned:
            self.left.set()
            raise
        return "done"


@pytest.fixture
def threads() -> Iterator[WorkThreads]:
    threads = WorkThreads("test", 1)
    yield threads
    threads.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


async def begin(threads: WorkThreads, gate: Gate, *held: Lent) -> asyncio.Task[str]:
    """The gate's work, at it."""
    task = asyncio.create_task(threads.run(held, gate.work))
    await asyncio.to_thread(gate.begun.wait, 30)
    return task


async def settle(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (what other threads do has no event)
        await asyncio.sleep(0.001)


def test_what_work_holds_is_given_back_when_it_has_ended_and_not_when_its_caller_leaves(
    threads: WorkThreads,
) -> None:
    async def scenario() -> None:
        place, gate = Lent(), Gate()
        task = await begin(threads, gate, place)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert place.holders == 2
        assert threads.oldest_abandoned_seconds() > 0
        gate.opened.set()
        await settle(lambda: place.holders == 1)
        assert threads.oldest_abandoned_seconds() == 0

    run(scenario)


def test_work_that_nobody_waits_for_stops_at_its_next_checkpoint(threads: WorkThreads) -> None:
    async def scenario() -> None:
        gate, awaited = Gate(), Gate()
        task = await begin(threads, gate)
        task.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        awaited.opened.set()
        assert await threads.run((), awaited.work) == "done"
        assert gate.left.is_set()
        assert not awaited.left.is_set()

    run(scenario)


def test_work_that_has_not_begun_is_left_out_and_gives_back_what_it_holds(
    threads: WorkThreads,
) -> None:
    async def scenario() -> None:
        gate, late, place = Gate(), Gate(), Lent()
        task = await begin(threads, gate)
        waiting = asyncio.create_task(threads.run((place,), late.work))
        await settle(lambda: threads.waiting() == 1)
        assert place.holders == 2
        waiting.cancel()
        await settle(lambda: place.holders == 1)
        assert threads.waiting() == 0
        gate.opened.set()
        assert await task == "done"
        assert not late.begun.is_set()

    run(scenario)


def test_what_fails_gives_back_what_it_holds(threads: WorkThreads) -> None:
    async def scenario() -> None:
        place = Lent()
        with pytest.raises(ZeroDivisionError):
            await threads.run((place,), divmod, 1, 0)
        await settle(lambda: place.holders == 1)

    run(scenario)


def test_a_checkpoint_is_passed_where_nobody_counts() -> None:
    checkpoint()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities on this system")
def test_threads_may_stand_back_behind_others() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def scenario() -> None:
        nice = WorkThreads("nice", 1, niceness=5)
        assert await nice.run((), priority) == min(priority() + 5, 19)
        nice.close()

    run(scenario)


def test_what_is_logged_in_a_thread_is_of_the_request_that_it_works_for(
    threads: WorkThreads,
) -> None:
    logger = logging.getLogger("service.test")

    async def work_for(request_id: str) -> None:
        with log_lines_of(request_id):
            await threads.run((), logger.warning, "decoding")

    async def scenario() -> None:
        await asyncio.gather(*(work_for(name) for name in ("first", "second")))

    with LogLines() as lines:
        run(scenario)
    assert lines == [Line("first", "decoding"), Line("second", "decoding")]


def test_all_threads_are_there_before_there_is_work() -> None:
    def named() -> int:
        return sum(thread.name.startswith("early") for thread in threading.enumerate())

    threads = WorkThreads("early", 3)
    assert named() == 3
    threads.close()


def test_a_thread_that_cannot_be_made_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    start, left = threading.Thread.start, [1]

    def start_one(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        WorkThreads("refused", 2)
