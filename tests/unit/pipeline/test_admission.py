from __future__ import annotations

import asyncio
import itertools

import pytest

from service.errors import Draining, Overloaded, TooManyRequests
from service.pipeline.admission import Admission, AdmissionLimits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    return Admission(AdmissionLimits(requests=3, body_bytes=1000, megapixels=10.0), clock)


def test_requests_are_bounded_and_given_back(admission: Admission) -> None:
    tickets = [admission.open("a") for _ in range(3)]
    for ticket in tickets:
        ticket.admit(1.0)
    with pytest.raises(Overloaded):
        admission.open("a")
    tickets[0].drop()
    with admission.open("a") as ticket:
        ticket.admit(1.0)
    assert admission.requests == 2


def test_uploads_race_for_the_last_place(admission: Admission) -> None:
    tickets = [admission.open("a") for _ in range(4)]
    for ticket in tickets[:3]:
        ticket.admit(1.0)
    with pytest.raises(Overloaded):
        tickets[3].admit(1.0)


def test_body_bytes_are_bounded_while_they_arrive(admission: Admission) -> None:
    first, second = admission.open("a"), admission.open("a")
    first.add_bytes(600)
    second.add_bytes(400)
    with pytest.raises(Overloaded):
        second.add_bytes(1)
    first.drop()
    second.add_bytes(600)
    assert admission.body_bytes == 1000
    second.drop()
    assert admission.body_bytes == 0


def test_one_huge_body_may_go_alone(clock: Clock) -> None:
    """It would be told to come again for ever."""
    limits = AdmissionLimits(requests=4, body_bytes=1000, megapixels=40.0, client_share=0.5)
    admission = Admission(limits, clock)
    huge = admission.open("a")
    for _ in range(3):
        huge.add_bytes(400)
    for client, error in (("a", Overloaded), ("b", Overloaded)):
        with pytest.raises(error):
            admission.open(client).add_bytes(1)
    huge.drop()
    small, huge = admission.open("a"), admission.open("a")
    small.add_bytes(1)
    huge.add_bytes(499)
    with pytest.raises(TooManyRequests):
        huge.add_bytes(1)
    small.drop()
    huge.add_bytes(1)


def test_megapixels_are_bounded_but_one_huge_image_may_go_alone(admission: Admission) -> None:
    huge = admission.open("a")
    huge.admit(50.0)
    with pytest.raises(Overloaded):
        admission.open("a").admit(0.1)
    huge.drop()
    small = admission.open("a")
    small.admit(9.0)
    with pytest.raises(Overloaded):
        admission.open("a").admit(1.1)
    admission.open("a").admit(1.0)


def test_work_in_the_pool_keeps_the_ticket_when_its_request_is_gone(admission: Admission) -> None:
    with admission.open("a") as ticket:
        ticket.add_bytes(500)
        ticket.admit(5.0)
        ticket.hold()
    assert (admission.requests, admission.body_bytes, admission.megapixels) == (1, 500, 5.0)
    ticket.drop()
    assert (admission.requests, admission.body_bytes, admission.megapixels) == (0, 0, 0.0)
    assert admission.open_tickets == 0


def test_retry_after_is_the_backlog_over_the_measured_rate(
    admission: Admission, clock: Clock
) -> None:
    assert admission.retry_after() == 1
    # Requests of cost 2 + 3, each served in 4 s, one after the other.
    for _ in range(20):
        with admission.open("a") as ticket:
            ticket.admit(3.0)
            clock.now += 4.0
            ticket.served()
        clock.now += 60.0  # Idle time must not count against the rate.
    backlog = [admission.open("a") for _ in range(3)]
    for ticket in backlog:
        ticket.admit(3.0)
    assert admission.retry_after() == pytest.approx(3 * 4.0, abs=1)
    with pytest.raises(Overloaded) as caught:
        admission.open("a")
    assert caught.value.retry_after_seconds == admission.retry_after()


def test_waiting_for_a_slow_upload_does_not_count_against_the_rate(
    admission: Admission, clock: Clock
) -> None:
    with admission.open("a"):
        for _ in range(20):
            with admission.open("a") as ticket:
                ticket.admit(3.0)
                clock.now += 4.0
                ticket.served()
            clock.now += 600.0
    with admission.open("a") as ticket:
        ticket.admit(3.0)
        assert admission.retry_after() == pytest.approx(4.0, abs=1)


def test_the_rate_forgets(admission: Admission, clock: Clock) -> None:
    def serve(seconds: float, times: int) -> None:
        for _ in range(times):
            with admission.open("a") as ticket:
                ticket.admit(1.0)
                clock.now += seconds
                ticket.served()

    serve(10.0, 20)
    slow = admission.rate.per_second()
    serve(0.1, 2000)
    fast = admission.rate.per_second()
    assert slow == pytest.approx(0.2, rel=0.3)
    assert fast == pytest.approx(20.0, rel=0.3)


def test_draining_refuses_new_work_and_waits_for_the_old(admission: Admission) -> None:
    async def main() -> None:
        ticket = admission.open("a")
        admission.begin_drain()
        with pytest.raises(Draining):
            admission.open("a")
        ticket.admit(1.0)
        empty = asyncio.create_task(admission.wait_until_empty())
        await asyncio.sleep(0)
        assert not empty.done()
        ticket.drop()
        await asyncio.wait_for(empty, 5)

    asyncio.run(main())


def test_one_client_cannot_take_what_is_kept_for_others(clock: Clock) -> None:
    limits = AdmissionLimits(requests=4, body_bytes=1000, megapixels=40.0, client_share=0.5)
    admission = Admission(limits, clock)
    greedy = [admission.open("greedy") for _ in range(3)]
    greedy[1].add_bytes(1)
    with pytest.raises(TooManyRequests, match="MB of this client"):
        greedy[0].add_bytes(500)
    greedy[0].admit(15.0)
    with pytest.raises(TooManyRequests, match="megapixels of this client"):
        greedy[1].admit(6.0)
    greedy[1].admit(5.0)
    with pytest.raises(TooManyRequests, match="2 requests of this client"):
        greedy[2].admit(0.1)
    with pytest.raises(TooManyRequests):
        admission.open("greedy")
    modest = admission.open("modest")
    modest.add_bytes(500)
    modest.admit(20.0)
    with pytest.raises(Overloaded):
        admission.open("third").admit(0.1)
    for ticket in (*greedy, modest):
        ticket.drop()
    admission.open("greedy").admit(20.0)


@pytest.mark.parametrize("megapixels", [(0.3,), (12.0,), (0.3, 0.9, 12.0), (0.3,) * 9 + (50.0,)])
def test_retry_after_is_true_within_a_factor_of_two(
    clock: Clock, megapixels: tuple[float, ...]
) -> None:
    """Against a server whose time a photo is what was measured: 15 ms and 5 ms a megapixel."""
    admission = Admission(AdmissionLimits(10_000, 10**9, 1e9), clock)
    sizes = itertools.cycle(megapixels)

    def seconds(size: float) -> float:
        return 0.015 + 0.005 * size

    for _ in range(500):
        with admission.open("a") as ticket:
            ticket.admit(size := next(sizes))
            clock.now += seconds(size)
            ticket.served()
    for count in (300, 3000):
        backlog = [(admission.open("a"), next(sizes)) for _ in range(count)]
        for ticket, size in backlog:
            ticket.admit(size)
        promised = admission.retry_after()
        real = sum(seconds(size) for _, size in backlog)
        assert promised / 2 <= min(real, 120) <= promised * 2
        for ticket, _ in backlog:
            ticket.drop()


def test_images_of_one_request_enter_together_or_not_at_all(admission: Admission) -> None:
    first, second = admission.open("a"), admission.open("b")
    first.admit(1.0, images=2)
    assert admission.requests == 2
    with pytest.raises(Overloaded):
        second.admit(1.0, images=2)
    assert (admission.requests, admission.megapixels) == (2, 1.0)
    first.drop()
    second.admit(1.0, images=3)
    second.drop()
    assert (admission.requests, admission.megapixels, admission.open_tickets) == (0, 0.0, 0)


@pytest.mark.parametrize(
    ("requests", "share", "most"), [(64, 0.8, 52), (10, 0.5, 5), (3, 1.0, 3), (1, 0.1, 1)]
)
def test_as_many_images_as_an_empty_house_takes(
    clock: Clock, requests: int, share: float, most: int
) -> None:
    admission = Admission(AdmissionLimits(requests, 1000, 10.0, share), clock)
    assert admission.most_images == most
    with pytest.raises((Overloaded, TooManyRequests)), admission.open("a") as ticket:
        ticket.admit(0.1, images=most + 1)
    with admission.open("a") as ticket:
        ticket.admit(0.1, images=most)


def test_each_image_adds_to_the_backlog(clock: Clock, admission: Admission) -> None:
    one = admission.open("a")
    one.admit(1.0)
    assert one.cost == 2.0
    two = admission.open("a")
    two.admit(1.0, images=2)
    assert two.cost == 3.0


def test_a_larger_network_costs_more(admission: Admission) -> None:
    small, large = admission.open("a"), admission.open("a")
    small.admit(1.0, gflop=3.0)
    large.admit(1.0, gflop=300.0)
    assert large.cost > 20 * small.cost


def test_what_an_effect_draws_costs_time_and_no_room(admission: Admission) -> None:
    photo, effect = admission.open("a"), admission.open("a")
    photo.admit(1.0)
    effect.admit(1.0, drawn=1e6)
    assert effect.cost > 1000 * photo.cost
    assert admission.megapixels == 2
