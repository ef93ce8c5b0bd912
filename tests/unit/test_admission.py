from __future__ import annotations

import asyncio

import pytest

from service.errors import Draining, Overloaded
from service.inference.admission import Admission, AdmissionLimits


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
    tickets = [admission.open() for _ in range(3)]
    for ticket in tickets:
        ticket.admit(1.0)
    with pytest.raises(Overloaded):
        admission.open()
    tickets[0].drop()
    with admission.open() as ticket:
        ticket.admit(1.0)
    assert admission.requests == 2


def test_uploads_race_for_the_last_place(admission: Admission) -> None:
    tickets = [admission.open() for _ in range(4)]
    for ticket in tickets[:3]:
        ticket.admit(1.0)
    with pytest.raises(Overloaded):
        tickets[3].admit(1.0)


def test_body_bytes_are_bounded_while_they_arrive(admission: Admission) -> None:
    first, second = admission.open(), admission.open()
    first.add_bytes(600)
    second.add_bytes(400)
    with pytest.raises(Overloaded):
        second.add_bytes(1)
    first.drop()
    second.add_bytes(600)
    assert admission.body_bytes == 1000
    second.drop()
    assert admission.body_bytes == 0


def test_megapixels_are_bounded_but_one_huge_image_may_go_alone(admission: Admission) -> None:
    huge = admission.open()
    huge.admit(50.0)
    with pytest.raises(Overloaded):
        admission.open().admit(0.1)
    huge.drop()
    small = admission.open()
    small.admit(9.0)
    with pytest.raises(Overloaded):
        admission.open().admit(1.1)
    admission.open().admit(1.0)


def test_work_in_the_pool_keeps_the_ticket_when_its_request_is_gone(admission: Admission) -> None:
    with admission.open() as ticket:
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
        with admission.open() as ticket:
            ticket.admit(3.0)
            clock.now += 4.0
            ticket.served()
        clock.now += 60.0  # Idle time must not count against the rate.
    backlog = [admission.open() for _ in range(3)]
    for ticket in backlog:
        ticket.admit(3.0)
    assert admission.retry_after() == pytest.approx(3 * 4.0, abs=1)
    with pytest.raises(Overloaded) as caught:
        admission.open()
    assert caught.value.retry_after_seconds == admission.retry_after()


def test_waiting_for_a_slow_upload_does_not_count_against_the_rate(
    admission: Admission, clock: Clock
) -> None:
    with admission.open():
        for _ in range(20):
            with admission.open() as ticket:
                ticket.admit(3.0)
                clock.now += 4.0
                ticket.served()
            clock.now += 600.0
    with admission.open() as ticket:
        ticket.admit(3.0)
        assert admission.retry_after() == pytest.approx(4.0, abs=1)


def test_the_rate_forgets(admission: Admission, clock: Clock) -> None:
    def serve(seconds: float, times: int) -> None:
        for _ in range(times):
            with admission.open() as ticket:
                ticket.admit(0.0)
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
        ticket = admission.open()
        admission.begin_drain()
        with pytest.raises(Draining):
            admission.open()
        ticket.admit(1.0)
        empty = asyncio.create_task(admission.wait_until_empty())
        await asyncio.sleep(0)
        assert not empty.done()
        ticket.drop()
        await asyncio.wait_for(empty, 5)

    asyncio.run(main())
