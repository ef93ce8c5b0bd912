from __future__ import annotations

import random

import pytest

from service.pipeline.turnstile import Turnstile
from tests.support.crowd import Crowd, Visit, run


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
