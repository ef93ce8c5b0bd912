"""The sockets that the server listens on."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

# What a user may have written.
_EVERYWHERE = ("0.0.0.0", "")  # noqa: S104  # nosec B104


def bind(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets on ``port`` of every address of ``hosts``; port 0 is a free one, the same for all.

    ``::`` takes IPv4 as well, unless that is listed by itself. They do not listen yet: a client
    that comes before the service is ready is refused, and not left waiting. Raises
    :class:`OSError` when a host has no address that can be bound.
    """
    own_ipv4 = any(host in _EVERYWHERE for host in hosts)
    bound: list[socket.socket] = []
    try:
        for host in hosts:
            bound += _bind_one(host, port, ipv6_only=own_ipv4 or host != "::")
            port = bound[-1].getsockname()[1]
    except OSError:
        for listener in bound:
            listener.close()
        raise
    return bound


class UnixListener(socket.socket):
    """A Unix socket at ``path``, which whoever may enter its folder may use.

    It has the path for itself from now until it is closed, which removes it: a lock beside it
    (``path.lock``) tells it from what a dead server left behind, which is replaced. Raises
    :class:`OSError` when another server has it, or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(socket.AF_UNIX)
        self._lock = FileLock(f"{path}.lock", timeout=0, is_singleton=False)
        self._path: Path | None = None
        try:
            self._lock.acquire()
            self._bind(path)
        except Timeout:
            super().close()
            raise _in_use() from None
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the socket and let others have the path."""
        super().close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        self._lock.release()

    def _bind(self, path: Path) -> None:
        if path.is_socket():
            if _is_listened_to(path):
                # By a program that knows nothing of the lock.
                raise _in_use()
            path.unlink()
        self.bind(str(path))
        self._path = path
        path.chmod(0o666)


def _is_listened_to(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


def _in_use() -> OSError:
    return OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def address_of(listener: socket.socket) -> str:
    """Where clients reach it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_listening(listener: socket.socket) -> bool:
    """Whether clients can connect; not where somebody else has listened first."""
    try:
        return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def _bind_one(host: str, port: int, *, ipv6_only: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    failure: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            listener = _bound(family, (address[0], port, *address[2:]), ipv6_only)
        except OSError as error:
            # A name like localhost may have an address of a family that this machine has not.
            failure = error
        else:
            bound.append(listener)
            port = listener.getsockname()[1]
    if failure is not None and not bound:
        raise failure
    return bound


def _bound(family: int, address: tuple[object, ...], ipv6_only: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(ipv6_only))
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
