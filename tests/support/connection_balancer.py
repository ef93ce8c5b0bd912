"""A balancer of connections, as a Kubernetes Service is one: it knows nothing of requests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from types import TracebackType
from urllib.parse import urlsplit

_PIECE_BYTES = 1 << 16


class ConnectionBalancer:
    """Gives each new connection to the next replica, and never moves one.

    Used as a context manager; ``add`` and ``withdraw`` are what a change of endpoints does.
    """

    def __init__(self, *replicas: str) -> None:
        self._replicas = list(replicas)
        self._turn = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.url = ""

    def add(self, replica: str) -> None:
        """Send new connections to the server at this URL, too."""
        self._replicas.append(replica)

    def withdraw(self, replica: str) -> None:
        """Send it no new connections; those that are open stay."""
        self._replicas.remove(replica)

    def __enter__(self) -> ConnectionBalancer:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replica = urlsplit(self._replicas[next(self._turn) % len(self._replicas)])
        try:
            back_reader, back_writer = await asyncio.open_connection(replica.hostname, replica.port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))
        finally:
            writer.close()
            back_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()
