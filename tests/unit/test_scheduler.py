"""How batches form; the worker is real, the engine scripted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.scheduler import BatchLimits, Inference, Scheduler
from service.inference.worker import InferenceWorker
from tests.support.engines import ScriptedEngine, tensor

LIMITS = BatchLimits(size=4, megapixels=1.0)


class Gate:
    """An engine behaviour that waits until it is opened, so that jobs pile up behind it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, batch: Tensor) -> DepthArray:
        self.entered.set()
        assert self._open.wait(10)
        return batch[:, 0].copy()

    async def wait_until_busy(self) -> None:
        await asyncio.to_thread(self.entered.wait, 10)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def worker() -> Iterator[InferenceWorker]:
    worker = InferenceWorker(heartbeat_timeout_seconds=60)
    worker.start()
    yield worker
    worker.stop()


Scenario = Callable[[Scheduler], Awaitable[None]]


def run(worker: InferenceWorker, scenario: Scenario, limits: BatchLimits = LIMITS) -> list[int]:
    """Run a scenario against a started scheduler; returns the batch sizes it reported."""
    sizes: list[int] = []

    async def main() -> None:
        scheduler = Scheduler(worker, limits, on_batch=sizes.append)
        scheduler.start()
        try:
            async with asyncio.timeout(20):
                await scenario(scheduler)
        finally:
            await scheduler.stop()

    asyncio.run(main())
    return sizes


def submit(
    scheduler: Scheduler, engine: ScriptedEngine, *inputs: Tensor, client: str = "a"
) -> list[asyncio.Task[Inference]]:
    return [asyncio.create_task(scheduler.infer(engine, item, client)) for item in inputs]


def test_an_idle_worker_starts_at_once_and_batches_form_while_it_is_busy(
    worker: InferenceWorker,
) -> None:
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        first = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        others = submit(scheduler, engine, *map(tensor, range(1, 7)))
        await asyncio.sleep(0)
        assert scheduler.waiting() == 6
        assert scheduler.waiting_megapixels() == pytest.approx(6 * 32 * 32 / 1e6)
        gate.open()
        answers = await asyncio.gather(*first, *others)
        assert [float(answer.depth[0, 0]) for answer in answers] == [0, 1, 2, 3, 4, 5, 6]
        assert [answer.batch_size for answer in answers] == [1, 4, 4, 4, 4, 2, 2]
        assert scheduler.waiting() == 0

    assert run(worker, scenario) == [1, 4, 2]


def test_a_batch_holds_one_shape_and_one_network_and_the_oldest_bucket_goes_first(
    worker: InferenceWorker,
) -> None:
    gate = Gate()
    engine, other = ScriptedEngine(gate), ScriptedEngine()

    async def scenario(scheduler: Scheduler) -> None:
        jobs = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        jobs += submit(scheduler, engine, tensor(1, 32, 64))
        jobs += submit(scheduler, other, tensor(2))
        jobs += submit(scheduler, engine, tensor(3), tensor(4, 32, 64), tensor(5))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*jobs)

    assert run(worker, scenario) == [1, 2, 1, 2]
    assert engine.first_values == [0, 1, 4, 3, 5]
    assert other.first_values == [2]


def test_clients_take_turns(worker: InferenceWorker) -> None:
    """Whoever comes with one photo is in the next batch, however many another has waiting."""
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        jobs = submit(scheduler, engine, tensor(0), client="flood")
        await gate.wait_until_busy()
        jobs += submit(scheduler, engine, *map(tensor, range(1, 6)), client="flood")
        jobs += submit(scheduler, engine, tensor(10), tensor(11), client="modest")
        jobs += submit(scheduler, engine, tensor(20, 32, 64), client="other shape")
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*jobs)

    run(worker, scenario, BatchLimits(size=2, megapixels=1.0))
    assert engine.first_values == [0, 1, 10, 20, 2, 11, 3, 4, 5]


def test_while_several_clients_are_about_a_batch_takes_one_photo_of_each(
    worker: InferenceWorker,
) -> None:
    """A batch full of one client's photos would keep another's next one waiting for all of it."""
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        jobs = submit(scheduler, engine, tensor(0), client="flood")
        await gate.wait_until_busy()
        jobs += submit(scheduler, engine, *map(tensor, range(1, 4)), client="flood")
        jobs += submit(scheduler, engine, tensor(10), client="modest")
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*jobs)

    # The modest client has left after its only photo, but may be back at any moment.
    assert run(worker, scenario) == [1, 2, 1, 1]
    assert engine.first_values == [0, 1, 10, 2, 3]


def test_a_client_alone_for_a_while_gets_full_batches_again(
    worker: InferenceWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.inference.scheduler._ABOUT_SECONDS", 0.05)
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        jobs = submit(scheduler, engine, tensor(0), client="modest")
        await gate.wait_until_busy()
        jobs += submit(scheduler, engine, *map(tensor, range(1, 4)), client="flood")
        await asyncio.sleep(0.1)
        gate.open()
        await asyncio.gather(*jobs)

    assert run(worker, scenario) == [1, 3]


def test_a_batch_is_capped_by_megapixels(worker: InferenceWorker) -> None:
    gate = Gate()
    engine = ScriptedEngine(gate)

    async def scenario(scheduler: Scheduler) -> None:
        jobs = submit(scheduler, engine, tensor(0))
        await gate.wait_until_busy()
        jobs += submit(scheduler, engine, *(tensor(i, 64, 64) for i in range(3)))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*jobs)

    limits = BatchLimits(size=8, megapixels=2.5 * 64 * 64 / 1e6)
    assert run(worker, scenario, limits) == [1, 2, 1]


def test_an_input_above_the_megapixel_cap_goes_alone(worker: InferenceWorker) -> None:
    async def scenario(scheduler: Scheduler) -> None:
        engine = ScriptedEngine()
        await asyncio.gather(*submit(scheduler, engine, tensor(1), tensor(2)))

    assert sum(run(worker, scenario, BatchLimits(size=8, megapixels=1e-6))) == 2


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
        (after,) = submit(scheduler, engine, tensor(3))
        assert (await after).depth[0, 0] == 3

    run(worker, scenario, BatchLimits(size=2, megapixels=1, window_seconds=5))


def test_one_by_one_who_comes_first_is_answered_first_and_who_leaves_costs_nothing(
    worker: InferenceWorker,
) -> None:
    gate = Gate()
    engine = ScriptedEngine(gate, one_by_one=True)

    async def scenario(scheduler: Scheduler) -> None:
        first, leaving, last = submit(scheduler, engine, tensor(1), tensor(2), tensor(3))
        await gate.wait_until_busy()
        leaving.cancel()
        await asyncio.sleep(0)
        gate.open()
        answers = await asyncio.gather(first, last)
        assert [answer.batch_size for answer in answers] == [3, 3]
        assert answers[1].queue_seconds >= answers[0].queue_seconds + answers[0].inference_seconds

    assert run(worker, scenario, BatchLimits(size=3, megapixels=1, window_seconds=5)) == [3]
    assert engine.first_values == [1, 3]


def test_a_batch_window_waits_for_company_but_not_for_a_full_batch(
    worker: InferenceWorker,
) -> None:
    async def scenario(scheduler: Scheduler) -> None:
        engine = ScriptedEngine()
        jobs = submit(scheduler, engine, tensor(0))
        await asyncio.sleep(0.01)
        jobs += submit(scheduler, engine, tensor(1), tensor(2))
        await asyncio.gather(*jobs)

    # The window is longer than the scenario's time limit: only a full batch can end it in time.
    limits = BatchLimits(size=3, megapixels=1, window_seconds=60)
    assert run(worker, scenario, limits) == [3]


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
    dying.join(5)  # What it dies of is this test's.


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
