"""A scheduler with a real worker, for scenarios that a test writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from service.imaging.transforms import DepthArray, Tensor
from service.inference.scheduler import BatchLimits, Inference, Scheduler
from service.inference.worker import InferenceWorker
from tests.support.engines import ScriptedEngine

_SCENARIO_SECONDS = 120
LIMITS = BatchLimits(size=4, megapixels=1.0)


class Gate:
    """An engine behaviour that waits until it is opened, so that jobs pile up behind it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, batch: Tensor) -> DepthArray:
        self.entered.set()
        assert self._open.wait(60)
        return batch[:, 0].copy()

    async def wait_until_busy(self) -> None:
        await asyncio.to_thread(self.entered.wait, 60)

    def open(self) -> None:
        self._open.set()


Scenario = Callable[[Scheduler], Awaitable[None]]


def run(worker: InferenceWorker, scenario: Scenario, limits: BatchLimits = LIMITS) -> list[int]:
    """Run a scenario against a started scheduler; returns the batch sizes it reported."""
    sizes: list[int] = []

    async def main() -> None:
        scheduler = Scheduler(worker, limits, on_batch=sizes.append)
        scheduler.start()
        try:
            async with asyncio.timeout(_SCENARIO_SECONDS):
                await scenario(scheduler)
        finally:
            await scheduler.stop()

    asyncio.run(main())
    return sizes


def submit(
    scheduler: Scheduler, engine: ScriptedEngine, *inputs: Tensor, client: str = "a"
) -> list[asyncio.Task[Inference]]:
    return [asyncio.create_task(scheduler.infer(engine, item, client)) for item in inputs]
