"""A real HTTP server with weights, on this machine."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from tests.conftest import MIDAS

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Mirror:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    ranges: bool = True
    break_off_after: int | None = None
    etag: str = ""
    requested: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requested.append(wanted)
            start = 0
            if not self.path.endswith("/midas_v21_small_256.pt"):
                self.send_error(404)
                return
            if self.headers.get("If-Range", state.etag) != state.etag:
                # As RFC 9110 has it: another file by now, so all of it.
                wanted = None
            if wanted and state.ranges:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(state.content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(state.content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                last = len(state.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(state.content)}")
            else:
                self.send_response(200)
            if state.etag:
                self.send_header("ETag", state.etag)
            body = state.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.break_off_after])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/files"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def spec() -> NetworkSpec:
    """The MiDaS entry as if CONTENT were the official file."""
    entry = find_spec(MIDAS)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return replace(entry, weights=replace(entry.weights, bytes=len(CONTENT), sha256=digest))


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "weights")


def partial(spec: NetworkSpec, store: WeightsStore) -> Path:
    return store.folder / f"{spec.weights.file}.part"
