"""A front that is busy at first: refuses requests as the service does, then passes them on."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import httpx

RETRY_AFTER_SECONDS = 1


class BusyFront:
    """Answers the first requests with ``statuses``, the others by ``target``.

    429 and 503 tell to come back, unless ``heals`` is False.
    """

    def __init__(self, target: str, statuses: list[int], *, heals: bool = True) -> None:
        self.arrivals: list[float] = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self._body()
                front.arrivals.append(time.monotonic())
                if len(front.arrivals) <= len(statuses):
                    status = statuses[len(front.arrivals) - 1]
                    busy = heals and status in (429, 503)
                    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if busy else {}
                    self._answer(status, retry, b"{}")
                    return
                kept = {"Content-Type": self.headers["Content-Type"]}
                answer = httpx.post(target + self.path, content=body, headers=kept, timeout=60)
                self._answer(
                    answer.status_code,
                    {"Content-Type": answer.headers["Content-Type"]},
                    answer.content,
                )

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _body(self) -> bytes:
                if self.headers["Transfer-Encoding"] != "chunked":
                    return self.rfile.read(int(self.headers["Content-Length"]))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> BusyFront:
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
