"""Replicas that are restarted in turn, and clients that keep asking meanwhile."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image

from tests.support.documents import examples
from tests.support.photos import as_bytes, photo_bytes
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until

PHOTO = as_bytes(Image.open(io.BytesIO(photo_bytes("chelsea.png"))).resize((320, 240)), "JPEG")
_END_OF_PNG = b"IEND\xaeB\x60\x82"

Call = Callable[[httpx.Client], bytes]


def one_try(client: httpx.Client) -> bytes:
    """A client that never tries again."""
    return client.post("/v1/depth", files={"image": PHOTO}).raise_for_status().content


def as_documented() -> Call:
    """The Python client of docs/clients.md that tries again as it is told."""
    (code,) = (one for one in examples("docs/clients.md", "python") if "def heatmap(" in one)
    names: dict[str, Any] = {}
    exec(code.partition("\nwith ")[0], names)  # noqa: S102 (our own documentation)
    return lambda client: bytes(names["heatmap"](client, PHOTO))


@dataclass
class Load:
    """Clients that keep their connections and ask until told to stop."""

    url: str
    call: Call = one_try
    clients: int = 3
    pause_seconds: float = 0
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[str]:
        """What became of the calls that were not answered."""
        return [outcome for outcome in self.outcomes if outcome != "answered"]

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
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
        wait_until(lambda: self.outcomes.count("answered") >= wanted, 120)

    def _client(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.stop.wait(self.pause_seconds):
                try:
                    complete = self.call(client).endswith(_END_OF_PNG)
                except httpx.HTTPStatusError as error:
                    self.outcomes.append(str(error.response.status_code))
                except httpx.HTTPError as error:
                    self.outcomes.append(repr(error))
                else:
                    self.outcomes.append("answered" if complete else "incomplete")


class Replica:
    """A server that can be started again on its port."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.server = ServerProcess(port=str(self.port), **self._settings)

    def stop(self, when_unready: Callable[[], None] = lambda: None) -> None:
        """SIGTERM, and wait for a clean end."""
        self.server.terminate()
        wait_until(lambda: not self._is_ready())
        when_unready()
        assert self.server.wait() == 0
        assert "every accepted request has been answered" in self.server.log()

    def _is_ready(self) -> bool:
        try:
            return self.server.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def has_ended(self) -> bool:
        return self.server.process.poll() is not None

    def kill(self) -> None:
        self.server.__exit__(None, None, None)


@contextlib.contextmanager
def pair_of_replicas(**settings: str) -> Iterator[list[Replica]]:
    """Two replicas, which end with the block."""
    with contextlib.ExitStack() as running:
        pair = []
        for _ in range(2):
            pair.append(Replica(**settings))
            running.callback(pair[-1].kill)
        yield pair
