"""API keys: a file of names and hashes, read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from service.errors import ApiKeysError
from service.machine.files import file_version

logger = logging.getLogger(__name__)

KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LINE = re.compile(rf"({KEY_NAME.pattern}):([0-9a-fA-F]{{64}})")
_CHECK_SECONDS = 1.0


class KeyEntry(NamedTuple):
    """One line of the file."""

    name: str
    digest: bytes


def new_key(name: str) -> tuple[str, str]:
    """A fresh key, and the line of the file that makes it valid."""
    key = secrets.token_urlsafe(32)
    return key, f"{name}:{_digest(key.encode()).hex()}"


def read_entries(path: Path) -> list[KeyEntry]:
    """The entries of a keys file; raises :class:`ApiKeysError` naming the first broken line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ApiKeysError(f"The API keys file {path} cannot be read: {error}") from error
    entries = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            # The line is not shown: it may be a key that was pasted in place of its hash.
            raise ApiKeysError(f"Line {number} of the API keys file {path} is not name:sha256-hex.")
        entries.append(KeyEntry(match[1], bytes.fromhex(match[2])))
    if not entries:
        raise ApiKeysError(f"The API keys file {path} holds no key.")
    return entries


class ApiKeys:
    """The keys that are valid now.

    A file that breaks later, half-written or gone, changes nothing: the last good one counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Before reading: a change in between shows as one at the next check.
        self._version = file_version(path)
        self._entries = read_entries(path)
        self._next_check = time.monotonic() + _CHECK_SECONDS

    def name_of(self, key: bytes) -> str | None:
        """Whose key this is; None if nobody's."""
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            self._reload_if_changed()
        # Keys are 256 random bits, so one round of SHA-256 is as good as a slow hash.
        digest = _digest(key)
        found = None
        for entry in self._entries:
            # To the end in any case: the time taken must not tell which entry matched.
            if hmac.compare_digest(digest, entry.digest):
                found = entry.name
        return found

    def _reload_if_changed(self) -> None:
        version = file_version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._entries = read_entries(self._path)
        except ApiKeysError as error:
            logger.error("%s The keys read before stay valid.", error)
        else:
            logger.info("read %d API keys again", len(self._entries))


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
