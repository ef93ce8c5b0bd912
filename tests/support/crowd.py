"""Clients at a turnstile, who come, wait, give up and leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from service.pipeline.turnstile import Place, Turnstile


class Visit:
    """One piece of work at a turnstile."""

    def __init__(
        self, turnstile: Turnstile, client: str, load: float, entered: list[Visit]
    ) -> None:
        self.client = client
        self.place: Place | None = None
        self.task = asyncio.create_task(self._enter(turnstile, load, entered))

    async def _enter(self, turnstile: Turnstile, load: float, entered: list[Visit]) -> None:
        self.place = await turnstile.enter(self.client, load)
        entered.append(self)

    @property
    def inside(self) -> bool:
        return self.place is not None


class Crowd:
    """Visits, and the order in which they got in."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.turnstile = turnstile
        self.entered: list[Visit] = []

    async def arrive(self, client: str, load: float = 0.0) -> Visit:
        visit = Visit(self.turnstile, client, load, self.entered)
        await self.settle()
        return visit

    async def leave(self, visit: Visit) -> None:
        assert visit.place is not None
        visit.place.drop()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def clients(self) -> list[str]:
        return [visit.client for visit in self.entered]


def run(scenario: Callable[[Crowd], Awaitable[None]], turnstile: Turnstile) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await scenario(Crowd(turnstile))

    asyncio.run(main())
