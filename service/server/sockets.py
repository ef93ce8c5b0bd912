"""The sockets that the server listens on."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

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


def bind_unix(path: Path) -> socket.socket:
    """A Unix socket at ``path``, which whoever may enter its folder may use.

    One that a dead server left behind is replaced. Raises :class:`OSError` when a server listens
    there, or the folder cannot be written.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        path.chmod(0o666)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """Where clients reach it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
