"""How batches form; the worker is real, the engine scripted."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from service.inference.scheduler import BatchLimits, Inference, Scheduler
from service.inference.worker import InferenceWorker
from tests.support.engines import ScriptedEngine, tensor
from tests.support.scheduling import Gate, run, submit
from tests.support.waiting import wait_until


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


@pytest.mark.parametrize("one_by_one", [False, True])
def test_callers_are_told_when_the_network_begins_with_theirs(
    worker: InferenceWorker, one_by_one: bool
) -> None:
    gate, begun = Gate(), list[str]()
    engine = ScriptedEngine(gate, one_by_one=one_by_one)

    async def scenario(scheduler: Scheduler) -> None:
        def ask(name: str) -> asyncio.Task[Inference]:
            return asyncio.create_task(
                scheduler.infer(engine, tensor(0), on_start=lambda: begun.append(name))
            )

        first = ask("first")
        await gate.wait_until_busy()
        second, third = ask("second"), ask("third")
        await asyncio.sleep(0)
        assert begun == ["first"]
        third.cancel()
        gate.open()
        await asyncio.gather(first, second)
        assert begun == ["first", "second"]

    run(worker, scenario)


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


def test_clients_take_turns(worker: InferenceWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes with one photo is in the next batch, however many another has waiting."""
    monkeypatch.setattr("service.inference.scheduler._ABOUT_SECONDS", 600)
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
    worker: InferenceWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch full of one client's photos would keep another's next one waiting for all of it."""
    monkeypatch.setattr("service.inference.scheduler._ABOUT_SECONDS", 600)
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
    limits = BatchLimits(size=3, megapixels=1, window_seconds=600)
    assert run(worker, scenario, limits) == [3]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_nobody_holds_a_network_whose_last_photo_is_answered(
    worker: InferenceWorker, one_by_one: bool
) -> None:
    """Else its memory would come back only with the next network's first photo."""

    async def scenario(scheduler: Scheduler) -> None:
        engine = ScriptedEngine(one_by_one=one_by_one)
        held = weakref.ref(engine)
        await asyncio.gather(*submit(scheduler, engine, tensor(0), tensor(1)))
        del engine
        await asyncio.to_thread(wait_until, lambda: held() is None, 10)

    run(worker, scenario)
