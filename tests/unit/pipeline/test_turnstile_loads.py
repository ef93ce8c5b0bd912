"""Work that takes memory: together it keeps within the capacity."""

from __future__ import annotations

import math
import random

import pytest

from service.pipeline.turnstile import Turnstile
from tests.support.crowd import Crowd, Visit, run


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
