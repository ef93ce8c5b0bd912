from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.pipeline.turnstile import Turnstile


class Crowd:
    """Requests at a turnstile, and the order in which they got through."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.turnstile = turnstile
        self.entered: list[str] = []

    async def arrive(self, client: str) -> asyncio.Task[None]:
        async def request() -> None:
            await self.turnstile.enter(client)
            self.entered.append(client)

        task = asyncio.create_task(request())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    async def leave(self, client: str) -> None:
        self.turnstile.leave(client)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def run(scenario: Callable[[Crowd], Awaitable[None]], places: int) -> list[str]:
    async def main() -> list[str]:
        crowd = Crowd(Turnstile(places))
        async with asyncio.timeout(10):
            await scenario(crowd)
        return crowd.entered

    return asyncio.run(main())


def test_one_client_is_served_in_the_order_of_arrival() -> None:
    order: list[int] = []

    async def scenario(crowd: Crowd) -> None:
        async def request(number: int) -> None:
            await crowd.turnstile.enter("a")
            order.append(number)
            crowd.turnstile.leave("a")

        await asyncio.gather(*(request(number) for number in range(20)))

    run(scenario, places=2)
    assert order == list(range(20))


def test_a_newcomer_does_not_wait_behind_a_flood() -> None:
    async def scenario(crowd: Crowd) -> None:
        for _ in range(50):
            await crowd.arrive("flood")
        assert crowd.entered == ["flood"] * 4
        assert crowd.turnstile.waiting() == 46
        await crowd.arrive("modest")
        assert crowd.entered[-1] == "modest"

    run(scenario, places=4)


def test_places_that_come_free_are_shared_evenly() -> None:
    async def scenario(crowd: Crowd) -> None:
        for client in ("a",) * 30 + ("b",) * 30 + ("c",) * 30:
            await crowd.arrive(client)
        for step in range(60):
            await crowd.leave(crowd.entered[step])
        served = crowd.entered[10:70]
        assert all(18 <= served.count(client) <= 22 for client in "abc")

    run(scenario, places=6)


def test_spare_places_for_newcomers_are_bounded_too() -> None:
    async def scenario(crowd: Crowd) -> None:
        for number in range(20):
            await crowd.arrive(f"client {number}")
        assert len(crowd.entered) == 6
        for number in range(20):
            await crowd.leave(f"client {number}")
        assert len(crowd.entered) == 20
        assert crowd.turnstile.waiting() == 0

    run(scenario, places=3)


def test_who_was_cancelled_a_moment_ago_holds_nobody_up() -> None:
    async def scenario(crowd: Crowd) -> None:
        await crowd.arrive("a")
        leavers = [await crowd.arrive("a") for _ in range(2)]
        last = await crowd.arrive("a")
        other = await crowd.arrive("b")
        for leaver in leavers:
            leaver.cancel()
        # Before they wake up to take themselves out.
        crowd.turnstile.leave("b")
        crowd.turnstile.leave("a")
        async with asyncio.timeout(5):
            await last
        assert all(isinstance(end, asyncio.CancelledError) for end in await _ends(leavers))
        assert other.done()
        assert crowd.turnstile.waiting() == 0

    run(scenario, places=1)


async def _ends(tasks: list[asyncio.Task[None]]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("granted", [False, True])
def test_who_gives_up_takes_no_place(granted: bool) -> None:
    async def scenario(crowd: Crowd) -> None:
        await crowd.arrive("a")
        leaver = await crowd.arrive("a")
        await crowd.arrive("b")
        third = await crowd.arrive("a")
        if granted:
            # The place is given in the very moment in which the request is cancelled.
            crowd.turnstile.leave("b")
            crowd.turnstile.leave("a")
        leaver.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaver
        if not granted:
            await crowd.leave("b")
            await crowd.leave("a")
        async with asyncio.timeout(5):
            await third
        assert crowd.turnstile.waiting() == 0

    run(scenario, places=1)
