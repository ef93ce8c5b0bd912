from __future__ import annotations

import asyncio

import pytest

from service.observability.context import RequestRecord
from service.pipeline.statistics import NetworkStatistics, Tally


def test_an_image_brings_the_stages_of_its_own_turn() -> None:
    statistics = NetworkStatistics()
    record = RequestRecord("a")
    # One request may ask several networks, one after the other.
    record.add("queue", 100.0)
    record.add("inference", 100.0)
    with statistics.image(record):
        record.add("queue", 4.0)
        record.add("decode", 2.0)
        record.add("transform", 1.0)
        record.add("inference", 8.0)
        record.add("queue", 16.0)
    assert statistics.queue == Tally(1, 20.0)
    assert statistics.preparation == Tally(1, 3.0)
    assert statistics.inference == Tally(1, 8.0)
    assert (statistics.success.count, statistics.failure.count) == (1, 0)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_an_image_without_depth_is_a_failure_and_nothing_else(error: type[BaseException]) -> None:
    statistics = NetworkStatistics()
    record = RequestRecord("a")
    with pytest.raises(error), statistics.image(record):
        record.add("queue", 4.0)
        raise error
    assert statistics.failure.count == 1
    assert Tally() == statistics.success == statistics.queue == statistics.inference


def test_calls_are_told_by_their_size() -> None:
    statistics = NetworkStatistics()
    assert (statistics.executions, statistics.last_execution) == ({}, 0)
    for size, seconds in ((1, 0.5), (4, 2.0), (1, 0.25)):
        statistics.executed(size, seconds)
    assert statistics.executions == {1: Tally(2, 0.75), 4: Tally(1, 2.0)}
    assert statistics.last_execution > 0
