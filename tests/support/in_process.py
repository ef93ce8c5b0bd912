"""The service without HTTP, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from service.observability.metrics import Metrics
from service.pipeline.runtime import Runtime, start
from service.settings import Settings


def serve(settings: Settings, scenario: Callable[[Runtime], Coroutine[Any, Any, None]]) -> None:
    """Run the scenario on a service that is started for it."""

    async def whole() -> None:
        runtime = await start(settings, Metrics())
        try:
            await scenario(runtime)
        finally:
            await runtime.stop()

    asyncio.run(whole())
