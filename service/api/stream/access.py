"""Who may open a stream: the API key by header or first message, and pages of this origin."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from service.api.access.authentication import presented_key
from service.api.access.keys import ApiKeys
from service.errors import OriginRefused, Unauthorized
from service.observability.context import RequestRecord
from service.settings import Settings

_POLICY_VIOLATION = 1008
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

    Raises :class:`OriginRefused` and :class:`Unauthorized`.
    """
    settings: Settings = socket.app.state.runtime.settings
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
    """Accept the stream, or refuse it with close code 1008 if it has no key where one is needed.

    Browsers cannot set headers on a WebSocket, so where keys are demanded the first message may
    be ``{"api_key": "..."}``. A key in the address would end up in logs.
    """
    await socket.accept()
    keys = _keys_of(socket)
    record: RequestRecord = socket.scope["state"]["record"]
    if keys is None:
        return Access()
    key = presented_key(socket.scope["headers"]) or await _key_of_first_message(socket)
    record.client = keys.name_of(key)
    if record.client is None:
        await socket.close(_POLICY_VIOLATION, "an API key is needed")
        return None
    return Access(keys, key)


def _keys_of(socket: WebSocket) -> ApiKeys | None:
    keys: ApiKeys | None = socket.scope["state"].get("keys")
    return keys


def _of_allowed_origin(socket: WebSocket, settings: Settings) -> bool:
    """Browsers let any page open a WebSocket to anywhere; only Origin tells whose page it is."""
    origin = socket.headers.get("origin")
    if origin is None or "*" in settings.cors_origins or origin in settings.cors_origins:
        return True
    return urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()


async def _key_of_first_message(socket: WebSocket) -> bytes:
    try:
        async with asyncio.timeout(_FIRST_MESSAGE_SECONDS):
            message = await socket.receive()
    except TimeoutError:
        return b""
    return key_in(message) or b""


def key_in(message: Mapping[str, Any]) -> bytes | None:
    """The API key that a message consists of; None for any other message."""
    text = message.get("text") or ""
    try:
        fields = json.loads(text) if len(text) <= _LONGEST_KEY_MESSAGE else {}
        return str(fields["api_key"]).encode()
    except (ValueError, KeyError, TypeError):
        return None
