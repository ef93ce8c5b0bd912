from __future__ import annotations

import json
import logging

import pytest

from service.observability.context import RequestRecord, request_id_from, request_id_var
from service.observability.logging import configure_logging
from service.settings import LogFormat, Settings


def test_a_plain_request_id_is_kept() -> None:
    assert request_id_from("order-17_b.2:x") == "order-17_b.2:x"


@pytest.mark.parametrize("header", [None, "", "a b", "a\nb", "x" * 129, "ümlaut", "a;b", '"'])
def test_other_request_ids_are_replaced(header: str | None) -> None:
    fresh = request_id_from(header)
    assert fresh != header
    assert len(fresh) == 32


def test_stage_times_add_up_and_become_server_timing() -> None:
    record = RequestRecord("id")
    record.add("decode", 0.001)
    record.add("decode", 0.002)
    record.add("queue", 0.0104)
    assert record.server_timing() == "decode;dur=3.0, queue;dur=10.4"
    with pytest.raises(ValueError, match="boom"), record.timed("encode"):
        raise ValueError("boom")
    assert record.stage == "encode"
    assert record.seconds["encode"] >= 0


class Clock:
    """In place of ``time``: it moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("service.observability.context.time", clock)
    return clock


def test_a_stage_inside_another_counts_once(clock: Clock) -> None:
    record = RequestRecord("id")
    with record.timed("outer"):
        clock.pass_by(1)
        for _ in range(2):
            with record.timed("inner"):
                clock.pass_by(2)
    assert record.seconds == {"inner": 4, "outer": 1}
    with record.timed("outer"):
        clock.pass_by(3)
    assert record.seconds["outer"] == 4


def test_intervals_follow_each_other_and_last_as_long_as_their_stages(clock: Clock) -> None:
    record = RequestRecord("id")
    with record.timed("decode"):
        clock.pass_by(1)
        with record.timed("transform"):
            clock.pass_by(2)
    clock.pass_by(10)
    record.add("queue", 4, 5)
    record.add("inference", 5)
    assert [(one.stage, one.started - 100, one.ended - 100) for one in record.intervals] == [
        *(("transform", 1, 3), ("decode", 0, 1)),
        *(("queue", 4, 8), ("inference", 8, 13)),
    ]


def test_json_lines_are_single_objects_with_the_request_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    token = request_id_var.set("req-1")
    try:
        configure_logging(Settings(log_format=LogFormat.JSON))
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("test").exception("it\nfailed", extra={"fields": {"status": 500}})
    finally:
        request_id_var.reset(token)
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["message"] == "it\nfailed"
    assert (entry["request_id"], entry["status"]) == ("req-1", 500)
    assert "ValueError" in entry["exception"]


def test_stages_of_parts_that_ran_at_once_take_as_long_as_the_slowest() -> None:
    record, *parts = (RequestRecord("r") for _ in range(3))
    record.add("decode", 0.5)
    parts[0].add("decode", 0.25)
    parts[1].add("decode", 1.0)
    parts[1].add("queue", 2.0)
    record.add_slowest(parts)
    assert record.stages() == [("decode", 1.5), ("queue", 2.0)]


def test_a_record_has_the_intervals_of_its_parts() -> None:
    record = RequestRecord("r")
    parts = [record.part() for _ in range(2)]
    for part in parts:
        part.add("decode", 0.25)
    record.add_slowest(parts)
    assert record.seconds == {"decode": 0.25}
    assert [interval.stage for interval in record.intervals] == ["decode", "decode"]


def test_a_request_in_parts_is_where_its_furthest_unfinished_part_is() -> None:
    record = RequestRecord("r")
    first, second = record.part(), record.part()
    assert record.stage == "queue"
    first.stage = "inference"
    second.stage = "decode"
    assert record.stage == "inference"
    record.finish(first)
    assert record.stage == "decode"
    record.finish(second)
    record.stage = "encode"
    assert record.stage == "encode"
