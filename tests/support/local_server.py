"""A small HTTP server of a test's own, on 127.0.0.1 and a free port."""

from __future__ import annotations

import abc
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx


@dataclass(frozen=True)
class Answer:
    """What it sends back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class LocalServer(abc.ABC):
    """Takes POSTs while its context lasts; a subclass says what it answers."""

    def __init__(self) -> None:
        respond = self.respond

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                answer = respond(self.path, httpx.Headers(self.headers.items()), _body(self))
                self.send_response(answer.status)
                length = {"Content-Length": str(len(answer.body))}
                for name, value in (answer.headers | length).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @abc.abstractmethod
    def respond(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a POST; called by a thread a connection."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers["Transfer-Encoding"] != "chunked":
        return request.rfile.read(int(request.headers["Content-Length"]))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body
