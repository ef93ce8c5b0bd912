"""What each network has done since the process began."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from service.observability.context import RequestRecord


@dataclass(frozen=True)
class Tally:
    """How often something happened, and how long it took altogether; never changed in place."""

    count: int = 0
    seconds: float = 0.0

    def plus(self, seconds: float) -> Tally:
        """With one more."""
        return Tally(self.count + 1, self.seconds + seconds)


class NetworkStatistics:
    """The images that one network was asked for, and the times that it ran.

    An image is a success once its depth is there, and a failure if it is not: it cannot be
    decoded, the network fails on it, its deadline passes or its client leaves. Both take from the
    wait for a turn to that end. ``queue``, ``preparation`` (decoding and transforming) and
    ``inference`` are what those that succeeded went through. ``executions`` are the calls that the
    network answered, by their number of inputs. ``last_execution`` is in seconds since 1970, or 0.
    """

    def __init__(self) -> None:
        self.success = Tally()
        self.failure = Tally()
        self.queue = Tally()
        self.preparation = Tally()
        self.inference = Tally()
        self.last_execution = 0.0
        self._executions: dict[int, Tally] = {}

    @property
    def executions(self) -> dict[int, Tally]:
        """A copy, since the inference thread adds to them."""
        return dict(self._executions)

    @contextlib.contextmanager
    def image(self, record: RequestRecord) -> Iterator[None]:
        """Count an image, whose stages ``record`` measures meanwhile."""
        before = dict(record.seconds)
        started = time.perf_counter()

        def spent(*stages: str) -> float:
            return sum(record.seconds.get(s, 0.0) - before.get(s, 0.0) for s in stages)

        try:
            yield
        except BaseException:
            self.failure = self.failure.plus(time.perf_counter() - started)
            raise
        self.success = self.success.plus(time.perf_counter() - started)
        self.queue = self.queue.plus(spent("queue"))
        self.preparation = self.preparation.plus(spent("decode", "transform"))
        self.inference = self.inference.plus(spent("inference"))

    def executed(self, size: int, seconds: float) -> None:
        """Count a call of the network that was answered; for the inference thread."""
        self._executions[size] = self._executions.get(size, Tally()).plus(seconds)
        self.last_execution = time.time()
