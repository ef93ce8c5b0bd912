"""What is known about the request in hand: id, route, stage timings, result."""

from __future__ import annotations

import contextlib
import contextvars
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

_VALID_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

request_id_var: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is short and plain (safe in logs), else a fresh one."""
    return header if header and _VALID_ID.fullmatch(header) else uuid.uuid4().hex


@dataclass
class RequestRecord:
    """Filled in along the way; read once at the end by logs and metrics.

    ``model`` and ``output`` are names from fixed sets, so they may become metric labels.
    """

    request_id: str
    model: str = "none"
    output: str = "none"
    error: str | None = None
    stage: str = "read"
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage; a stage entered again adds up."""
        self.stage = stage
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Add time measured elsewhere to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def server_timing(self) -> str:
        """The stages as a Server-Timing header, in milliseconds."""
        return ", ".join(f"{stage};dur={1000 * took:.1f}" for stage, took in self.seconds.items())
