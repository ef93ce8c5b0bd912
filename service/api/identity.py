"""Who is asking: the name of the key that was used, else the network address."""

from __future__ import annotations

import functools
import ipaddress

from starlette.types import Scope

from service.observability.context import RequestRecord

_IPV6_GROUP_BITS = 64


def client_of(scope: Scope) -> str:
    """``key:NAME`` when an API key was used, else ``addr:IP``.

    The address is the socket's peer, or what a proxy of DEPTH_TRUSTED_PROXIES says it is (the
    server has put it into the scope by then). IPv6 counts by /64: that is what one household or
    host is given, and it may use any address of it.
    """
    record: RequestRecord | None = scope.get("state", {}).get("record")
    if record is not None and record.client is not None:
        return f"key:{record.client}"
    peer = scope.get("client")
    return f"addr:{_grouped(peer[0]) if peer else 'unknown'}"


@functools.lru_cache(maxsize=1024)
def _grouped(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Only a trusted proxy can write what is no address ("unknown", RFC 7239).
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _IPV6_GROUP_BITS), strict=False))
