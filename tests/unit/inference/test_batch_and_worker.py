from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from service.errors import InferenceFailed
from service.imaging.transforms import DepthArray, Tensor
from service.inference.batch import BatchItem, run_batch
from service.inference.worker import InferenceWorker
from tests.support.engines import ScriptedEngine, item, tensor
from tests.support.log_lines import LogLines
from tests.support.waiting import wait_until

CULPRIT = 13.0


def raise_on_culprit(batch: Tensor) -> DepthArray:
    if (batch == CULPRIT).any():
        raise RuntimeError("the network does not like this one")
    return batch[:, 0] * 2


def nan_on_culprit(batch: Tensor) -> DepthArray:
    depth = batch[:, 0] * 2
    depth[depth == 2 * CULPRIT] = np.nan
    return depth


def wrong_shape_with_culprit(batch: Tensor) -> DepthArray:
    depth = batch[:, 0] * 2
    return depth[:, :-1] if (batch == CULPRIT).any() else depth


@pytest.mark.parametrize("behaviour", [raise_on_culprit, nan_on_culprit, wrong_shape_with_culprit])
def test_only_the_culprit_of_a_failed_batch_errors(
    behaviour: Callable[[Tensor], DepthArray],
) -> None:
    engine = ScriptedEngine(behaviour)
    outcomes = run_batch(engine, [item(1), item(CULPRIT), item(3)])
    assert isinstance(outcomes[1], InferenceFailed)
    for index, value in ((0, 2), (2, 6)):
        outcome = outcomes[index]
        assert not isinstance(outcome, InferenceFailed)
        assert (outcome == value).all()
    assert engine.batch_sizes == [3, 1, 1, 1]


@pytest.mark.parametrize(("values", "answered"), [([1, 3], [2]), ([1, CULPRIT, 3], [1, 1])])
def test_only_calls_that_were_answered_are_told(values: list[float], answered: list[int]) -> None:
    calls: list[tuple[int, float]] = []

    def told(size: int, seconds: float) -> None:
        calls.append((size, seconds))

    items = [BatchItem(tensor(value), on_execution=told) for value in values]
    run_batch(ScriptedEngine(nan_on_culprit), items)
    assert [size for size, _ in calls] == answered
    assert all(seconds > 0 for _, seconds in calls)


def test_a_good_batch_runs_once() -> None:
    engine = ScriptedEngine()
    outcomes = run_batch(engine, [item(1), item(2)])
    assert [float(np.max(outcome)) for outcome in outcomes] == [1, 2]  # type: ignore[arg-type]
    assert engine.batch_sizes == [2]


def test_error_text_does_not_leak_the_networks_exception() -> None:
    (outcome,) = run_batch(ScriptedEngine(raise_on_culprit), [item(CULPRIT)])
    assert isinstance(outcome, InferenceFailed)
    assert "like this one" not in outcome.detail


def test_what_is_logged_of_a_batch_names_its_requests() -> None:
    """The batch's line all of them, the culprit's its own."""
    batch = [item(1, "first"), item(CULPRIT, "second"), item(3, "first")]
    with LogLines() as lines:
        run_batch(ScriptedEngine(raise_on_culprit), batch)
    assert [(line.request_id, line.text[:10]) for line in lines] == [
        ("first,second", "a batch of"),
        ("second", "inference "),
    ]


def test_worker_survives_whatever_a_network_raises(worker: InferenceWorker) -> None:
    engine = ScriptedEngine(raise_on_culprit)
    for _ in range(3):
        (culprit,) = worker.submit(engine, [item(CULPRIT)])
        with pytest.raises(InferenceFailed):
            culprit.result(60)
    (good,) = worker.submit(engine, [item(1)])
    assert (good.result(60).depth == 2).all()


def test_one_by_one_each_item_is_done_before_the_next_and_may_be_taken_back(
    worker: InferenceWorker,
) -> None:
    began, go_on = threading.Event(), threading.Semaphore(0)

    def wait(batch: Tensor) -> DepthArray:
        began.set()
        assert go_on.acquire(timeout=30)
        return batch[:, 0]

    engine = ScriptedEngine(wait, one_by_one=True)
    first, second, third = worker.submit(engine, [item(1), item(2), item(3)])
    assert began.wait(30)
    assert not first.cancel()
    assert second.cancel()
    go_on.release()
    assert (first.result(60).depth == 1).all()
    assert not third.done()
    go_on.release()
    assert third.result(60).started >= first.result(60).started + first.result(60).seconds
    assert engine.first_values == [1, 3]


def test_a_stuck_batch_makes_the_worker_unhealthy_until_it_ends() -> None:
    worker = InferenceWorker(heartbeat_timeout_seconds=0.2)
    worker.start()
    entered, release = threading.Event(), threading.Event()

    def hang(batch: Tensor) -> DepthArray:
        entered.set()
        release.wait(60)
        return batch[:, 0]

    (future,) = worker.submit(ScriptedEngine(hang), [item(1)])
    assert entered.wait(60)
    wait_until(lambda: worker.heartbeat_age() > 0.2)
    assert not worker.is_healthy()
    release.set()
    future.result(60)
    # The slowest call raised the bar: ten times that is normal now.
    assert worker.is_healthy()
    worker.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_death_of_the_thread_fails_its_batch_and_no_other(worker: InferenceWorker) -> None:
    def die(batch: Tensor) -> DepthArray:
        raise SystemExit

    for deaths in (1, 2):
        dying = worker._thread
        batch = worker.submit(ScriptedEngine(die, one_by_one=deaths == 2), [item(1), item(2)])
        for future in batch:
            with pytest.raises(RuntimeError, match="thread ended"):
                future.result(60)
        dying.join(60)  # What it dies of is this test's.
        (other,) = worker.submit(ScriptedEngine(), [item(7)])
        assert (other.result(60).depth == 7).all()
        assert worker.restarts == deaths
        assert worker.is_healthy()
