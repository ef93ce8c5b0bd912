from __future__ import annotations

import json
import logging
import time

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


def test_a_stage_inside_another_counts_once() -> None:
    record = RequestRecord("id")
    with record.timed("outer"):
        with record.timed("inner"):
            time.sleep(0.02)
        with record.timed("inner"):
            time.sleep(0.02)
    assert record.seconds["inner"] >= 0.04
    assert record.seconds["outer"] < 0.02
    with record.timed("outer"):
        time.sleep(0.03)
    assert record.seconds["outer"] >= 0.03


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
