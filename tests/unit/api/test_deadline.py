"""Who is counted as having left."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from service.api.deadline import admitted
from service.errors import ClientDisconnected
from service.observability.context import RequestRecord
from service.observability.metrics import Metrics
from service.pipeline.admission import Admission, AdmissionLimits

LIMITS = AdmissionLimits(requests=4, body_bytes=1000, megapixels=4)


@pytest.mark.parametrize("draining", [False, True])
@pytest.mark.parametrize("left", [False, True], ids=["cancelled", "left"])
def test_who_is_cancelled_by_the_end_of_a_drain_has_not_left(draining: bool, left: bool) -> None:
    async def scenario() -> float:
        runtime: Any = SimpleNamespace(admission=Admission(LIMITS), metrics=Metrics())
        record = RequestRecord("-")

        async def request() -> None:
            async with admitted(runtime, record, "a", 30):
                await asyncio.sleep(0)
                if left:
                    raise ClientDisconnected("it left")
                await asyncio.sleep(60)

        task = asyncio.create_task(request())
        await asyncio.sleep(0)
        if draining:
            runtime.admission.begin_drain()
        if not left:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ClientDisconnected):
            await task
        assert runtime.admission.open_tickets == 0
        counted: float = runtime.metrics.cancelled.labels(record.stage)._value.get()
        return counted

    assert asyncio.run(scenario()) == (left or not draining)
