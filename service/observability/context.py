"""What is known about the request in hand: id, route, stage timings, result."""

from __future__ import annotations

import contextlib
import contextvars
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

STAGES = (
    *("read", "load", "decode", "transform", "queue", "inference", "resize", "effect", "encode"),
    "send",
)
"""What a request goes through, in order; it may wait in the queue before decoding, too.

Only a network's first request has to load it.
"""

_VALID_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

request_id_var: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is short and plain (safe in logs), else a fresh one."""
    return header if header and _VALID_ID.fullmatch(header) else uuid.uuid4().hex


@contextlib.contextmanager
def log_lines_of(*request_ids: str) -> Iterator[None]:
    """Log lines within are of these requests; of several, all their ids are in each line."""
    token = request_id_var.set(",".join(request_ids))
    try:
        yield
    finally:
        request_id_var.reset(token)


class Interval(NamedTuple):
    """When a stage was entered and left, by ``time.perf_counter()``."""

    stage: str
    started: float
    ended: float


@dataclass(eq=False)
class RequestRecord:
    """Filled in along the way; read once at the end by logs and metrics.

    ``model`` and ``output`` are names from fixed sets, so they may become metric labels.
    ``client`` is the name of the API key that was used, never the key. ``route`` is that of a
    request answered before it was routed. A stage entered again has another of the ``intervals``.
    Threads enter stages, too, also those of a request that was given up.
    """

    request_id: str
    model: str = "none"
    output: str = "none"
    error: str | None = None
    client: str | None = None
    route: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    _stage: str = "read"
    _parts: list[RequestRecord] = field(default_factory=list)
    _nested_seconds: float = 0.0

    @property
    def stage(self) -> str:
        """Where it is; while it is in parts, the stage of the unfinished part that is furthest."""
        parts = [part.stage for part in self._parts.copy()]
        return max(parts, key=STAGES.index, default=self._stage)

    @stage.setter
    def stage(self, stage: str) -> None:
        self._stage = stage

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage; a stage entered again adds up.

        A stage inside another is the other's last part, and its time counts only once.
        """
        self.stage = stage
        outer_nested, self._nested_seconds = self._nested_seconds, 0.0
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self.add(stage, took - self._nested_seconds, self._nested_seconds)
            self._nested_seconds = outer_nested + took

    def add(self, stage: str, seconds: float, ago: float = 0.0) -> None:
        """Add time measured elsewhere, which ended ``ago`` seconds before now, to a stage."""
        ended = time.perf_counter() - ago
        self.intervals.append(Interval(stage, ended - seconds, ended))
        self._sum_up(stage, seconds)

    def add_within(self, stage: str, seconds: float) -> None:
        """Add time measured elsewhere that the stage being timed now includes."""
        self.add(stage, seconds)
        self._nested_seconds += seconds

    def part(self) -> RequestRecord:
        """A record of the stages of one of several parts, which may run at the same time."""
        part = RequestRecord(self.request_id, intervals=self.intervals)
        part.stage = "queue"
        self._parts.append(part)
        return part

    def finish(self, part: RequestRecord) -> None:
        """Take note that this part has been through its stages."""
        self._parts.remove(part)

    def add_slowest(self, parts: Sequence[RequestRecord]) -> None:
        """Add each stage's longest time in any of the parts, which ran at the same time."""
        for stage in STAGES:
            took = [part.seconds[stage] for part in parts if stage in part.seconds]
            if took:
                self._sum_up(stage, max(took))

    def stages(self) -> list[tuple[str, float]]:
        """Stages in order and their seconds so far; abandoned work may still add to them."""
        seconds = dict(self.seconds)
        return [(stage, seconds[stage]) for stage in STAGES if stage in seconds]

    def server_timing(self) -> str:
        """The stages as a Server-Timing header, in milliseconds."""
        return ", ".join(f"{stage};dur={1000 * took:.1f}" for stage, took in self.stages())

    def _sum_up(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
