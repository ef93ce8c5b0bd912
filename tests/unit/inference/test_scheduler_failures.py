"""Jobs that are given up, that fail, or that the end overtakes: nobody waits for ever."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.scheduler import BatchLimits, Scheduler
from service.inference.worker import InferenceWorker
from tests.support.engines import ScriptedEngine, tensor
from tests.support.scheduling import LIMITS, Gate, run, submit

# The window is longer than a scenario's time limit: only a full batch starts.
FULL_PAIRS = BatchLimits(size=2, megapixels=1, window_seconds=600)


def test_abandoned_jobs_are_dropped_before_they_are_stacked(worker: InferenceWorker) -> None:
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        first = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        left, kept, timed_out = submit(scheduler, engine, tensor(1), tensor(2), tensor(3))
        await asyncio.sleep(0)
        left.cancel()
        timed_out.cancel()
        await asyncio.sleep(0)
        assert scheduler.waiting() == 1
        gate.open()
        await asyncio.gather(*first, kept)

    assert run(worker, scenario) == [1, 1]
    assert engine.first_values == [0, 2]


def test_who_leaves_takes_its_input_along_while_a_batch_is_in_hand(
    worker: InferenceWorker,
) -> None:
    """Else clients with short deadlines would pile up inputs behind a slow network."""
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        first = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        inputs = [tensor(1), tensor(2)]
        held = [weakref.ref(one) for one in inputs]
        left = submit(scheduler, engine, *inputs)
        await asyncio.sleep(0)
        for task in left:
            task.cancel()
        await asyncio.wait(left)
        del inputs, left, task
        gc.collect()
        assert [reference() for reference in held] == [None, None]
        gate.open()
        await asyncio.gather(*first)

    assert run(worker, scenario) == [1]


def test_a_job_abandoned_during_its_batch_does_not_harm_its_mates(
    worker: InferenceWorker,
) -> None:
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        leaving, staying = submit(scheduler, engine, tensor(1), tensor(2))
        await gate.wait_until_busy()
        leaving.cancel()
        gate.open()
        assert (await staying).depth[0, 0] == 2
        after = await asyncio.gather(*submit(scheduler, engine, tensor(3), tensor(4)))
        assert [answer.depth[0, 0] for answer in after] == [3, 4]

    assert run(worker, scenario, FULL_PAIRS) == [2, 2]


def test_one_by_one_who_comes_first_is_answered_first_and_who_leaves_costs_nothing(
    worker: InferenceWorker,
) -> None:
    gates = {1: Gate(), 3: Gate()}
    engine = ScriptedEngine(lambda item: gates[int(item.flat[0])](item), one_by_one=True)

    async def scenario(scheduler: Scheduler) -> None:
        first, leaving, last = submit(scheduler, engine, tensor(1), tensor(2), tensor(3))
        await gates[1].wait_until_busy()
        leaving.cancel()
        await asyncio.sleep(0)
        gates[1].open()
        # The last one is not let through before the first one has its answer.
        answers = [await first]
        gates[3].open()
        answers.append(await last)
        assert [answer.batch_size for answer in answers] == [3, 3]

    assert run(worker, scenario, BatchLimits(size=3, megapixels=1, window_seconds=600)) == [3]
    assert engine.first_values == [1, 3]


def test_a_culprit_fails_alone(worker: InferenceWorker) -> None:
    gate = Gate()

    def behave(batch: Tensor) -> DepthArray:
        if (batch == 13).any():
            raise ValueError
        return gate(batch)

    async def scenario(scheduler: Scheduler) -> None:
        engine = ScriptedEngine(behave)
        first = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        good, bad, fine = submit(scheduler, engine, tensor(1), tensor(13), tensor(2))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*first, good, fine)
        with pytest.raises(InferenceFailed):
            await bad

    run(worker, scenario)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_when_the_thread_dies(worker: InferenceWorker) -> None:
    def die(batch: Tensor) -> DepthArray:
        raise SystemExit

    async def scenario(scheduler: Scheduler) -> None:
        (job,) = submit(scheduler, ScriptedEngine(die), tensor(1))
        with pytest.raises(InferenceFailed):
            await job

    dying = worker._thread
    run(worker, scenario)
    dying.join(60)  # What it dies of is this test's.


def test_stopping_fails_what_waits_and_what_is_in_hand(worker: InferenceWorker) -> None:
    gate = Gate()

    async def main() -> None:
        scheduler = Scheduler(worker, LIMITS)
        scheduler.start()
        engine = ScriptedEngine(gate)
        (in_hand,) = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        (waiting,) = submit(scheduler, engine, tensor(1))
        await asyncio.sleep(0)
        assert scheduler.is_running()
        await scheduler.stop()
        assert not scheduler.is_running()
        for job in (in_hand, waiting):
            with pytest.raises(InferenceFailed):
                await job
        gate.open()

    asyncio.run(main())
