"""What a server must look like after hostile input: as before."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import psutil

from tests.support.photos import photo_bytes
from tests.support.server import ServerProcess

PHOTO = photo_bytes("chelsea.png")
KNOWN_SLUGS = {
    400: {"malformed-request"},
    404: {"not-found", "model-not-found"},
    405: {"method-not-allowed"},
    406: {"not-acceptable"},
    408: {"request-timeout"},
    413: {"payload-too-large"},
    414: {"address-too-long"},
    415: {"unsupported-media-type"},
    422: {"undecodable-image", "invalid-parameter"},
    431: {"headers-too-large"},
}
# Allocator slack and caches; one leaked 50-megapixel image, or 20 KB for each of the 3,000 images
# of the corpus, is more.
_MEMORY_BYTES = 60_000_000
# The pools of TBB and AnyIO grow and shrink by themselves; a thread left behind by each request
# would be far more.
_SPARE_THREADS = 8
_SETTLE_SECONDS = 20


@contextlib.contextmanager
def unharmed(server: ServerProcess) -> Iterator[None]:
    """Check that the block leaves the server serving, with the resources it had before."""
    process = psutil.Process(server.process.pid)
    _serves(server)
    before = process.memory_info().rss, process.num_fds(), process.num_threads()
    log_before = len(server.log())
    yield
    assert server.process.poll() is None
    _serves(server)
    give_up_at = time.monotonic() + _SETTLE_SECONDS
    while not _is_back(process, before) and time.monotonic() < give_up_at:
        threading.Event().wait(0.1)
    after = process.memory_info().rss, process.num_fds(), process.num_threads()
    assert _is_back(process, before), f"memory, descriptors, threads: {before}, then {after}"
    log = server.log()[log_before:]
    assert "Traceback" not in log
    assert "status=500" not in log


def _serves(server: ServerProcess) -> None:
    assert server.client.get("/livez").status_code == 200
    answer = server.client.post("/v1/depth", files={"image": PHOTO})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


def _is_back(process: psutil.Process, before: tuple[int, int, int]) -> bool:
    memory, descriptors, threads = before
    return (
        process.memory_info().rss <= memory + _MEMORY_BYTES
        and process.num_fds() <= descriptors
        and process.num_threads() <= threads + _SPARE_THREADS
    )
