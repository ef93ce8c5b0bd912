from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable

import pytest

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


def test_one_client_is_served_in_the_order_of_arrival() -> None:
    async def scenario(crowd: Crowd) -> None:
        visits = [await crowd.arrive("a") for _ in range(20)]
        for number in range(20):
            await crowd.leave(crowd.entered[number])
        assert crowd.entered == visits

    run(scenario, Turnstile(2))


def test_a_newcomer_does_not_wait_behind_a_flood() -> None:
    async def scenario(crowd: Crowd) -> None:
        for _ in range(50):
            await crowd.arrive("flood")
        assert crowd.clients == ["flood"] * 4
        assert crowd.turnstile.waiting() == 46
        await crowd.arrive("modest")
        assert crowd.clients[-1] == "modest"

    run(scenario, Turnstile(4, spare=4))


def test_without_spare_places_a_newcomer_is_next_and_not_inside() -> None:
    async def scenario(crowd: Crowd) -> None:
        visits = [await crowd.arrive("flood") for _ in range(3)]
        modest = await crowd.arrive("modest")
        assert not modest.inside
        await crowd.leave(visits[0])
        assert crowd.clients == ["flood", "modest"]

    run(scenario, Turnstile(1))


def test_places_that_come_free_are_shared_evenly() -> None:
    async def scenario(crowd: Crowd) -> None:
        for client in ("a",) * 30 + ("b",) * 30 + ("c",) * 30:
            await crowd.arrive(client)
        for step in range(60):
            await crowd.leave(crowd.entered[step])
        served = [crowd.clients.count(client) for client in "abc"]
        assert max(served) - min(served) <= 2

    run(scenario, Turnstile(6, spare=6))


@pytest.mark.parametrize("spare", [0, 6])
def test_newcomers_without_end_do_not_overtake_a_waiter_for_ever(spare: int) -> None:
    """As many always inside, each from a new address: the one who waited longest is not passed."""

    async def scenario(crowd: Crowd) -> None:
        for number in range(12):
            await crowd.arrive(f"early {number}")
        waiter = await crowd.arrive("early 0")
        for number in range(1000):
            await crowd.arrive(f"late {number}")
            await crowd.leave(crowd.entered[number])
            if waiter.inside:
                break
        overtook = [client for client in crowd.clients if client.startswith("late")]
        assert waiter.inside
        assert len(overtook) <= 12

    run(scenario, Turnstile(6, spare=spare))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes_everybody_gets_in_by_turns(seed: int) -> None:
    """And each client's own pieces in the order in which they came."""
    chance = random.Random(seed)  # noqa: S311 (reproducible, not secret)

    async def scenario(crowd: Crowd) -> None:
        arrived: list[Visit] = []
        gone = 0
        while len(arrived) < 200 or gone < len(arrived):
            if len(arrived) < 200 and chance.random() < 0.6:
                arrived.append(await crowd.arrive(chance.choice("abcdefgh")))
            elif gone < len(crowd.entered):
                await crowd.leave(crowd.entered[gone])
                gone += 1
        assert crowd.turnstile.waiting() == 0
        for client in "abcdefgh":
            own = [visit for visit in arrived if visit.client == client]
            assert own == [visit for visit in crowd.entered if visit.client == client]

    run(scenario, Turnstile(3, spare=2))


def test_spare_places_for_newcomers_are_bounded_too() -> None:
    async def scenario(crowd: Crowd) -> None:
        for number in range(20):
            await crowd.arrive(f"client {number}")
        assert len(crowd.entered) == 6
        for number in range(20):
            await crowd.leave(crowd.entered[number])
        assert len(crowd.entered) == 20
        assert crowd.turnstile.waiting() == 0

    run(scenario, Turnstile(3, spare=3))


def test_loads_inside_stay_within_the_capacity() -> None:
    async def scenario(crowd: Crowd) -> None:
        first, second, third = [await crowd.arrive(name, load=40) for name in "abc"]
        assert (first.inside, second.inside, third.inside) == (True, True, False)
        # What would fit waits, too: passing by, small loads would keep a large one out for ever.
        small = await crowd.arrive("d", load=1)
        assert not small.inside
        await crowd.leave(first)
        assert third.inside
        assert small.inside

    run(scenario, Turnstile(10, capacity=100))


def test_a_load_above_the_capacity_enters_alone() -> None:
    async def scenario(crowd: Crowd) -> None:
        small = await crowd.arrive("a", load=1)
        huge = await crowd.arrive("b", load=math.inf)
        assert not huge.inside
        await crowd.leave(small)
        assert huge.inside
        assert not (await crowd.arrive("a", load=1)).inside

    run(scenario, Turnstile(10, capacity=100))


def test_what_a_load_gives_back_lets_others_in() -> None:
    async def scenario(crowd: Crowd) -> None:
        answered = await crowd.arrive("a", load=90)
        waiter = await crowd.arrive("b", load=50)
        assert answered.place is not None
        assert not waiter.inside
        answered.place.answered(40)
        await crowd.settle()
        assert waiter.inside
        # A load never grows: nobody has made room for it.
        answered.place.answered(90)
        assert answered.place.load == 40

    run(scenario, Turnstile(math.inf, capacity=100))


def test_an_answer_that_is_being_sent_keeps_no_load_out_that_enters_alone() -> None:
    """It ends when its client pleases."""

    async def scenario(crowd: Crowd) -> None:
        slow = await crowd.arrive("a", load=60)
        huge = await crowd.arrive("b", load=750)
        behind = await crowd.arrive("c", load=1)
        assert slow.place is not None
        assert not huge.inside
        slow.place.answered(1)
        await crowd.settle()
        assert huge.inside
        assert not behind.inside

    run(scenario, Turnstile(math.inf, capacity=100))


@pytest.mark.parametrize("seed", range(20))
def test_loads_of_any_size_never_exceed_the_capacity_and_nobody_starves(seed: int) -> None:
    """Some give up while they wait, some are answered; what exceeds the capacity is alone."""
    chance = random.Random(seed)  # noqa: S311 (reproducible, not secret)

    async def scenario(crowd: Crowd) -> None:
        arrived: list[Visit] = []
        inside: list[Visit] = []
        given_up = 0
        while len(arrived) < 150 or len(crowd.entered) + given_up < len(arrived) or inside:
            step = chance.random()
            if len(arrived) < 150 and step < 0.5:
                load = chance.choice((1, 30, 60, 100, 250))
                arrived.append(await crowd.arrive(chance.choice("abcd"), load))
            elif step < 0.6 and (waiting := [v for v in arrived if not v.task.done()]):
                chance.choice(waiting).task.cancel()
                given_up += 1
            elif inside and step < 0.7:
                place = chance.choice(inside).place
                assert place is not None
                place.answered(place.load / 2)
            elif inside:
                leaver = chance.choice(inside)
                await crowd.leave(leaver)
                leaver.place = None
            await crowd.settle()
            inside = [visit for visit in crowd.entered if visit.place is not None]
            places = [visit.place for visit in inside if visit.place is not None]
            at_work = [place for place in places if not place.is_answered]
            large = [place for place in at_work if place.load > 100]
            assert not large or len(at_work) == 1
            assert large or sum(place.load for place in at_work) <= 100
        assert crowd.turnstile.waiting() == 0

    run(scenario, Turnstile(math.inf, capacity=100))


def test_a_place_is_given_back_by_its_last_holder() -> None:
    async def scenario(crowd: Crowd) -> None:
        first = await crowd.arrive("a")
        assert first.place is not None
        first.place.hold()
        second = await crowd.arrive("b")
        await crowd.leave(first)
        assert not second.inside
        await crowd.leave(first)
        assert second.inside

    run(scenario, Turnstile(1))


def test_who_was_cancelled_a_moment_ago_holds_nobody_up() -> None:
    async def scenario(crowd: Crowd) -> None:
        first = await crowd.arrive("a")
        leavers = [await crowd.arrive("a") for _ in range(2)]
        last = await crowd.arrive("a")
        for leaver in leavers:
            leaver.task.cancel()
        # Before they wake up to take themselves out.
        await crowd.leave(first)
        assert last.inside
        assert all(leaver.task.cancelled() for leaver in leavers)
        assert crowd.turnstile.waiting() == 0

    run(scenario, Turnstile(1))


@pytest.mark.parametrize("granted", [False, True])
def test_who_gives_up_takes_no_place(granted: bool) -> None:
    async def scenario(crowd: Crowd) -> None:
        first = await crowd.arrive("a")
        leaver, third = [await crowd.arrive("a") for _ in range(2)]
        assert first.place is not None
        if granted:
            # The place is given in the very moment in which the request is cancelled.
            first.place.drop()
        leaver.task.cancel()
        await crowd.settle()
        if not granted:
            await crowd.leave(first)
        assert third.inside
        assert crowd.turnstile.waiting() == 0

    run(scenario, Turnstile(1))


def test_who_gives_up_lets_those_in_who_fit_where_it_did_not() -> None:
    async def scenario(crowd: Crowd) -> None:
        await crowd.arrive("a", load=60)
        large = await crowd.arrive("b", load=60)
        small = await crowd.arrive("c", load=10)
        assert not small.inside
        large.task.cancel()
        await crowd.settle()
        assert small.inside

    run(scenario, Turnstile(10, capacity=100))
