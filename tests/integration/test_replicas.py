"""Two replicas behind a real nginx under steady load, stopped and killed in turn."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from PIL import Image
from websockets import Origin
from websockets.sync.client import connect

from tests.support.balancer import balancer
from tests.support.photos import as_bytes, photo_bytes
from tests.support.programs import require_program
from tests.support.server import ServerProcess, free_port
from tests.support.streams import answer_of

PHOTO = as_bytes(Image.open(io.BytesIO(photo_bytes("chelsea.png"))).resize((320, 240)), "JPEG")
CLIENTS = 3
ROLLING_RESTARTS = 10


@dataclass
class Load:
    """Clients that post photos through the balancer until told to stop."""

    url: str
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: list[str] = field(default_factory=list)

    def client(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as http:
            while not self.stop.is_set():
                try:
                    answer = http.post("/v1/depth", files={"image": PHOTO})
                except httpx.HTTPError as error:
                    self.outcomes.append(repr(error))
                    continue
                complete = answer.content.endswith(b"IEND\xaeB\x60\x82")
                self.outcomes.append("answered" if complete else str(answer.status_code))

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, count: int) -> None:
        """Return when so many more requests were answered."""
        wanted = self.outcomes.count("answered") + count
        while self.outcomes.count("answered") < wanted:
            time.sleep(0.02)


class Replica:
    """A server that can be started again on its port."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.server = ServerProcess(
            port=str(self.port), cache_dir=str(self._cache_dir), drain_delay_seconds="0.3"
        )

    def stop(self) -> None:
        """SIGTERM, and wait for a clean end."""
        self.server.terminate()
        assert self.server.wait() == 0
        assert "every accepted request has been answered" in self.server.log()

    def kill(self) -> None:
        self.server.__exit__(None, None, None)


@pytest.fixture
def replicas(cache_dir: Path) -> Iterator[list[Replica]]:
    require_program("nginx")
    pair = [Replica(cache_dir) for _ in range(2)]
    try:
        yield pair
    finally:
        for replica in pair:
            replica.kill()


@pytest.mark.timeout(400)
def test_ten_rolling_restarts_lose_no_request(replicas: list[Replica]) -> None:
    with balancer([replica.url for replica in replicas]) as url, Load(url).running() as load:
        load.wait_for_more(20)
        for _ in range(ROLLING_RESTARTS):
            for replica in replicas:
                replica.stop()
                replica.start()
                load.wait_for_more(10)
    assert set(load.outcomes) == {"answered"}, Counter(load.outcomes)
    print(f"{ROLLING_RESTARTS} rolling restarts, {len(load.outcomes)} requests, 0 lost")


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
    lost = [outcome for outcome in load.outcomes if outcome != "answered"]
    assert 1 <= len(lost) <= CLIENTS  # Each has one request under way.
    assert set(lost) == {"502"}
    assert again.status_code == 200


def test_a_killed_replica_is_not_even_noticed_when_the_balancer_retries(
    replicas: list[Replica],
) -> None:
    with balancer([r.url for r in replicas]) as url, Load(url).running() as load:
        load.wait_for_more(20)
        replicas[0].kill()
        load.wait_for_more(40)
        replicas[0].start()
        load.wait_for_more(20)
    assert set(load.outcomes) == {"answered"}, Counter(load.outcomes)
