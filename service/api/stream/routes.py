"""``/v1/stream``: a live camera over a WebSocket; frames in, depth out, newest first.

The client sends each frame as a binary message. For each one that is worked on it gets a text
message of JSON, then a binary message. Frames that come faster than they are worked on are dropped
but for the newest, so that an answer is never about the past.
"""

from __future__ import annotations

import asyncio
import logging
import time
from enum import StrEnum
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from service.api.deadline import admitted
from service.api.identity import client_of
from service.api.metres import MetresQuery
from service.api.network_query import NetworkQuery
from service.api.paths import STREAM
from service.api.sending import BREAK_OFF
from service.api.stream.access import (
    GOING_AWAY,
    POLICY_VIOLATION,
    Access,
    admit_client,
    check_client,
    key_in,
)
from service.api.stream.newest_frame import NewestFrame
from service.api.stream.places import StreamPlaces
from service.effects.obstacle import AlarmOptions, detect_obstacles
from service.effects.obstacle_report import as_json
from service.effects.view import judge
from service.errors import ClientDisconnected, DepthError, Draining
from service.imaging import png
from service.imaging.encode import EncodeOptions, encode_npy
from service.imaging.render import Colormap, palette
from service.imaging.steady_depth import SteadyDepth
from service.imaging.transforms import to_pixels
from service.observability.context import (
    RequestRecord,
    request_id_var,
)
from service.pipeline.answer import Answer
from service.pipeline.depth import DepthOrder, Measured
from service.pipeline.estimator import OutputSize
from service.pipeline.runtime import Runtime

router = APIRouter()
logger = logging.getLogger("service.access")

_KEY_CHECK_SECONDS = 1.0
# Messages have no type; their format is in the text message before each.
_MEDIA_TYPE = "application/octet-stream"


class FrameFormat(StrEnum):
    """What a frame becomes."""

    HEATMAP = "heatmap"
    NPY = "npy"
    RAW = "raw"
    OBSTACLE = "obstacle"


class StreamQuery(MetresQuery, NetworkQuery, AlarmOptions):
    """Query parameters of ``/v1/stream``, those of the obstacle alarm among them."""

    format: FrameFormat = FrameFormat.HEATMAP
    colormap: Colormap = Colormap.INFERNO


@router.websocket(STREAM)
async def stream(socket: WebSocket, query: Annotated[StreamQuery, Query()]) -> None:
    """Answer the newest frame until the client leaves, its key is revoked or the service drains."""
    runtime: Runtime = socket.app.state.runtime
    check_client(socket)
    stream_of_client = _Stream(socket, runtime, query)
    places: StreamPlaces = socket.app.state.streams
    with places.place(client_of(socket.scope)):
        await stream_of_client.last()


class _Stream:
    """One client's stream."""

    def __init__(self, socket: WebSocket, runtime: Runtime, query: StreamQuery) -> None:
        self._socket = socket
        self._runtime = runtime
        self._query = query
        self._frames = NewestFrame()
        self._spec = runtime.catalog.served.choose(query.choice)
        self._steady = SteadyDepth()
        self._answered = 0

    async def last(self) -> None:
        """From the opening to the end, which is logged."""
        started, access = time.perf_counter(), None
        try:
            access = await admit_client(self._socket)
            if access is not None:
                await self._run(access)
        except WebSocketDisconnect:
            return
        except TimeoutError:
            # It does not read its answers, so would not take the closing either.
            self._socket.scope["state"][BREAK_OFF]()
        finally:
            self._log_end(access is not None, started)

    def _log_end(self, admitted: bool, started: float) -> None:
        """One line for the whole stream, as other requests have; nothing of its address."""
        record: RequestRecord = self._socket.scope["state"]["record"]
        fields: dict[str, object] = {
            "route": STREAM,
            "admitted": admitted,
            "frames": self._answered,
            "dropped": self._frames.dropped,
            "milliseconds": round(1000 * (time.perf_counter() - started), 1),
        }
        if record.client is not None:
            fields["client"] = record.client
        text = " ".join(f"{key}={value}" for key, value in fields.items())
        logger.info(text, extra={"fields": fields})

    async def _run(self, access: Access) -> None:
        """Read, answer and look after the key side by side; whichever ends first ends all."""
        works = (self._read(), self._answer(), self._close_when_revoked(access))
        tasks = [asyncio.create_task(work) for work in works]
        ending = asyncio.create_task(self._end_when_draining())
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, ending):
                task.cancel()
            await asyncio.gather(*tasks, ending, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if key_in(message) is not None:
                # A page may hold a key from before the server stopped to demand one.
                continue
            frame = message.get("bytes")
            if frame is None:
                await self._socket.close(POLICY_VIOLATION, "frames are binary messages")
                return
            self._frames.put(frame)

    async def _close_when_revoked(self, access: Access) -> None:
        while access.is_valid():  # noqa: ASYNC110 (nothing tells when the file changes)
            await asyncio.sleep(_KEY_CHECK_SECONDS)
        # A client that does not read would not take the closing either.
        async with asyncio.timeout(self._runtime.settings.send_timeout_seconds):
            await self._socket.close(POLICY_VIOLATION, "the API key was revoked")

    async def _end_when_draining(self) -> None:
        await self._runtime.admission.wait_until_draining()
        self._frames.end()

    async def _answer(self) -> None:
        """Answer frames until the service drains; the frame in hand is finished."""
        while (taken := await self._frames.take()) is not None:
            sequence, frame = taken
            started = time.perf_counter()
            try:
                answer = await self._work(frame)
            except Draining:
                break
            except DepthError as error:
                await self._send(
                    {"sequence": sequence, "error": error.slug, "detail": error.detail}
                )
                continue
            await self._send(self._head(sequence, started, answer), answer.body)
            self._answered += 1
        async with asyncio.timeout(self._runtime.settings.send_timeout_seconds):
            await self._socket.close(GOING_AWAY, "draining")

    async def _work(self, frame: bytes) -> Answer:
        """The answer to one frame, which is accounted for as a request is."""
        runtime, started, status = self._runtime, time.perf_counter(), DepthError.status
        query = self._query
        name = self._spec.name
        record = RequestRecord(request_id_var.get(), model=name, output=self._query.format)
        order = DepthOrder(self._spec, OutputSize.NETWORK, _MEDIA_TYPE, self._write, query.metres)
        seconds = runtime.settings.request_timeout_seconds
        try:
            client = client_of(self._socket.scope)
            async with admitted(runtime, record, client, seconds) as ticket:
                ticket.add_bytes(len(frame))
                answer = await runtime.pipeline.run(frame, order, ticket, record)
                ticket.served()
            status = 200
            return answer
        except asyncio.CancelledError:
            status = ClientDisconnected.status
            raise
        except DepthError as error:
            status, record.error = error.status, error.slug
            raise
        finally:
            runtime.metrics.observe(record, STREAM, status, time.perf_counter() - started)

    def _write(self, found: Measured) -> bytes:
        depth = found.depth
        if self._query.format is FrameFormat.NPY:
            return encode_npy(depth, EncodeOptions())
        if self._query.format is FrameFormat.RAW:
            return depth.values.astype("<f4", copy=False).tobytes()
        picture = to_pixels(found.shown, self._spec.input_rule)
        if self._query.format is FrameFormat.OBSTACLE:
            view = judge(found.estimate, picture)
            return as_json(detect_obstacles(depth, self._query, found.metres, view), found.facts)
        frame = self._steady.follow(depth, picture)
        return png.encode_indexed(frame.indices, palette(self._query.colormap))

    def _head(self, sequence: int, started: float, answer: Answer) -> dict[str, object]:
        depth = answer.depth
        assert depth is not None and depth.size is not None  # noqa: S101 (a map's answer)
        width, height = depth.size
        return {
            "sequence": sequence,
            "dropped": self._frames.dropped,
            "latency_ms": round(1000 * (time.perf_counter() - started), 1),
            "format": self._query.format,
            "width": width,
            "height": height,
            "model": depth.model,
            "kind": depth.kind,
            "unit": depth.kind.unit,
            "note": depth.kind.note,
            "calibration": depth.calibration,
        }

    async def _send(self, head: dict[str, object], body: bytes | None = None) -> None:
        # A client that does not read would hold its frames for ever.
        async with asyncio.timeout(self._runtime.settings.send_timeout_seconds):
            await self._socket.send_text(orjson.dumps(head).decode())
            if body is not None:
                await self._socket.send_bytes(body)
