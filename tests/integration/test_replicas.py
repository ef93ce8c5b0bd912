"""Two replicas behind a real nginx under steady load, stopped and killed in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

from tests.support.balancer import balancer
from tests.support.connection_balancer import ConnectionBalancer
from tests.support.programs import require_program
from tests.support.rolling import PHOTO, Load, Replica, as_documented, pair_of_replicas
from tests.support.sample import gate_or_whole
from tests.support.streams import answer_of

# What a call computes is nothing to who loses it: the network's input is small.
SMALL = {"resolution": "128"}
# Of a client between two calls, far shorter than a drain: a replica that starts needs the cores.
PAUSE = 0.05
ROLLING_RESTARTS = gate_or_whole(2, 10)


@pytest.fixture(scope="module")
def pair(cache_dir: Path) -> Iterator[list[Replica]]:
    require_program("nginx")
    with pair_of_replicas(cache_dir=str(cache_dir), drain_delay_seconds="0.3", **SMALL) as pair:
        yield pair


@pytest.fixture
def replicas(pair: list[Replica]) -> list[Replica]:
    """Both of them running, whatever an earlier test did."""
    for replica in pair:
        if replica.has_ended:
            replica.start()
    return pair


@pytest.mark.timeout(400)
def test_rolling_restarts_lose_no_request(replicas: list[Replica]) -> None:
    with (
        balancer([replica.url for replica in replicas]) as url,
        Load(url, pause_seconds=PAUSE).running() as load,
    ):
        load.wait_for_more(20)
        for _ in range(ROLLING_RESTARTS):
            for replica in replicas:
                replica.stop()
                replica.start()
                load.wait_for_more(10)
    assert load.lost == [], Counter(load.outcomes)
    print(f"{ROLLING_RESTARTS} rolling restarts, {len(load.outcomes)} requests, 0 lost")


def test_a_balancer_of_connections_loses_no_call_while_a_replica_drains(cache_dir: Path) -> None:
    """Busy clients stay with the replica that drains until it tells them to go."""
    with (
        pair_of_replicas(cache_dir=str(cache_dir), drain_delay_seconds="1.5", **SMALL) as pair,
        ConnectionBalancer(*(replica.url for replica in pair)) as balancer,
        Load(balancer.url, as_documented(), clients=6).running() as load,
    ):
        for replica in pair:
            load.wait_for_more(20)
            replica.stop(when_unready=partial(balancer.withdraw, replica.url))
            load.wait_for_more(20)
            replica.start()
            balancer.add(replica.url)
    assert load.lost == [], Counter(load.outcomes)


def test_a_live_camera_passes_the_balancer(replicas: list[Replica]) -> None:
    with balancer([replica.url for replica in replicas]) as url:
        address = url.replace("http://", "ws://") + "/v1/stream"
        with connect(address, origin=Origin(url)) as camera:
            camera.send(PHOTO)
            assert answer_of(camera)[1].startswith(b"\x89PNG")


def test_a_killed_replica_loses_only_what_it_had_in_hand(replicas: list[Replica]) -> None:
    """Here the balancer does not send a request again; the client does, and succeeds."""
    urls = [replica.url for replica in replicas]
    with balancer(urls, retry=False) as url, Load(url).running() as load:
        load.wait_for_more(20)
        replicas[0].kill()
        load.wait_for_more(40)
        again = httpx.post(f"{url}/v1/depth", files={"image": PHOTO}, timeout=60)
    assert 1 <= len(load.lost) <= load.clients  # Each has one request under way.
    assert set(load.lost) == {"502"}
    assert again.status_code == 200


def test_a_killed_replica_is_not_even_noticed_when_the_balancer_retries(
    replicas: list[Replica],
) -> None:
    with balancer([r.url for r in replicas]) as url, Load(url).running() as load:
        load.wait_for_more(20)
        replicas[0].kill()
        load.wait_for_more(40)
        load.pause_seconds = PAUSE
        replicas[0].start()
        load.wait_for_more(20)
    assert load.lost == [], Counter(load.outcomes)
