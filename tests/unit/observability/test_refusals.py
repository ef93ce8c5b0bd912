from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from service.observability.refusals import RefusalLog
from tests.support.log_lines import LogLines


class Seconds:
    """Passes a second when it is told to."""

    def __init__(self) -> None:
        self._due: list[tuple[Callable[[str], None], str]] = []

    def call_later(self, seconds: float, tell: Callable[[str], None], kind: str) -> None:
        assert seconds == 1
        self._due.append((tell, kind))

    def pass_one(self) -> None:
        due, self._due = self._due, []
        for tell, kind in due:
            tell(kind)


@pytest.fixture(autouse=True)
def info_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service.access")


def test_the_first_of_a_kind_has_its_line_and_the_rest_are_counted_each_second() -> None:
    seconds = Seconds()
    log = RefusalLog({"overloaded", "draining"}, seconds.call_later)
    with LogLines() as lines:
        assert [log.takes("overloaded") for _ in range(40)] == [False, *[True] * 39]
        assert not log.takes("draining")
        assert lines == []
        seconds.pass_one()
        assert log.takes("overloaded")
        seconds.pass_one()
        seconds.pass_one()
        assert [line.text for line in lines] == [
            "error=overloaded more=39",
            "error=overloaded more=1",
        ]
        assert not log.takes("overloaded")


@pytest.mark.parametrize("kind", [None, "not-found"])
def test_all_others_have_a_line_each(kind: str | None) -> None:
    log = RefusalLog({"overloaded"}, Seconds().call_later)
    assert not any(log.takes(kind) for _ in range(3))
