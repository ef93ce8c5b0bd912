"""Who may open a stream: the API key by header or first message, and pages of this origin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.websockets import WebSocket

from service.api.access.authentication import presented_key
from service.api.access.keys import ApiKeys
from service.api.access.origins import is_own_page
from service.errors import OriginRefused, Unauthorized
from service.observability.context import RequestRecord
from service.pipeline.admission import Admission
from service.pipeline.runtime import Runtime
from service.settings import Settings

GOING_AWAY, POLICY_VIOLATION = 1001, 1008
"""Codes of closing: this instance stops; the client does what it may not."""

_FIRST_MESSAGE_SECONDS = 10.0
_LONGEST_KEY_MESSAGE = 1000


@dataclass(frozen=True)
class Access:
    """What a stream was let in by: one of the ``keys``, or nothing where none is demanded."""

    keys: ApiKeys | None = None
    key: bytes = b""

    def is_valid(self) -> bool:
        """Whether it would be let in now."""
        return self.keys is None or self.keys.name_of(self.key) is not None


def check_client(socket: WebSocket) -> None:
    """Refuse whom the opening request gives away; whose it is, is noted.

    Raises :class:`Draining`, :class:`OriginRefused` and :class:`Unauthorized`.
    """
    runtime: Runtime = socket.app.state.runtime
    runtime.admission.check_draining()
    settings = runtime.settings
    if not _of_allowed_origin(socket, settings):
        raise OriginRefused("A page of this origin may not open a stream; see DEPTH_CORS_ORIGINS.")
    keys = _keys_of(socket)
    key = presented_key(socket.scope["headers"])
    if keys is None or not key:
        return
    record: RequestRecord = socket.scope["state"]["record"]
    record.client = keys.name_of(key)
    if record.client is None:
        raise Unauthorized("The API key is not valid.")


async def admit_client(socket: WebSocket) -> Access | None:
    """Accept the stream, or close it: with 1008 if it has no key where one is needed.

    With 1001 if it has sent none when the service begins to drain.

    Browsers cannot set headers on a WebSocket, so where keys are demanded the first message may
    be ``{"api_key": "..."}``. A key in the address would end up in logs.
    """
    await socket.accept()
    keys = _keys_of(socket)
    record: RequestRecord = socket.scope["state"]["record"]
    if keys is None:
        return Access()
    admission = socket.app.state.runtime.admission
    key = presented_key(socket.scope["headers"])
    key = key or key_in(await _first_message(socket, admission)) or b""
    record.client = keys.name_of(key)
    if record.client is None:
        if admission.draining:
            await socket.close(GOING_AWAY, "draining")
        else:
            await socket.close(POLICY_VIOLATION, "an API key is needed")
        return None
    return Access(keys, key)


def _keys_of(socket: WebSocket) -> ApiKeys | None:
    keys: ApiKeys | None = socket.scope["state"].get("keys")
    return keys


def _of_allowed_origin(socket: WebSocket, settings: Settings) -> bool:
    """Browsers let any page open a WebSocket to anywhere; only Origin tells whose page it is."""
    origin = socket.headers.get("origin")
    return bool({"*", origin} & set(settings.cors_origins)) or is_own_page(socket)


async def _first_message(socket: WebSocket, admission: Admission) -> Mapping[str, Any]:
    """None of content where none comes in time, or the service drains meanwhile."""
    message = asyncio.create_task(socket.receive())
    draining = asyncio.create_task(admission.wait_until_draining())
    try:
        await asyncio.wait(
            {message, draining},
            timeout=_FIRST_MESSAGE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        return message.result() if message.done() else {}
    finally:
        message.cancel()
        draining.cancel()


def key_in(message: Mapping[str, Any]) -> bytes | None:
    """The API key that a message consists of; None for any other message."""
    text = message.get("text") or ""
    try:
        fields = orjson.loads(text) if len(text) <= _LONGEST_KEY_MESSAGE else {}
        return str(fields["api_key"]).encode()
    except (ValueError, KeyError, TypeError):
        return None
