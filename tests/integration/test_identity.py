"""Whose address counts, over real connections and the server's real configuration."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.bare_server import bare_server, say_client


@contextlib.contextmanager
def echo_server(*trusted: str, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a server that answers with the identity of its caller."""
    with bare_server(say_client, trusted_proxies=trusted, host=host) as server:
        yield server.url


def ask(url: str, *forwarded: str, proto: str = "http") -> str:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    return httpx.get(url, headers=[*headers, ("X-Forwarded-Proto", proto)]).text


def test_nobody_can_choose_their_address_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with echo_server() as url:
        assert ask(url, "203.0.113.9", proto="https") == "addr:127.0.0.1 http"


def test_an_untrusted_neighbour_of_a_trusted_proxy_is_not_believed() -> None:
    with echo_server("10.0.0.0/8", "127.0.0.2") as url:
        assert ask(url, "203.0.113.9", proto="https") == "addr:127.0.0.1 http"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_proxy_is_trusted_by_its_ipv4_address_on_a_socket_for_both_families() -> None:
    with echo_server("127.0.0.0/8", host="::") as url:
        assert ask(url, "203.0.113.9", proto="https") == "addr:203.0.113.9 https"
    with echo_server("10.0.0.0/8", host="::") as url:
        assert ask(url, "203.0.113.9", proto="https") == "addr:127.0.0.1 http"


def test_a_proxy_beside_it_is_trusted_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "depth.sock"
    with (
        bare_server(say_client, uds=path, trusted_proxies="127.0.0.1"),
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as proxy,
    ):
        answers = [
            proxy.get("http://depth/", headers={"X-Forwarded-For": client}).text
            for client in ("203.0.113.9", "203.0.113.10")
        ]
    assert answers == ["addr:203.0.113.9 http", "addr:203.0.113.10 http"]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (("203.0.113.9",), "addr:203.0.113.9"),
        # What the caller wrote stands left of what the proxy added.
        (("198.51.100.1, 203.0.113.9",), "addr:203.0.113.9"),
        (("198.51.100.1", "203.0.113.9"), "addr:203.0.113.9"),
        (("198.51.100.1, 203.0.113.9, 10.1.2.3, 10.3.2.1",), "addr:203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6",), "addr:2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1",), "addr:2001:db8:1:2::/64"),
        (("::ffff:203.0.113.9",), "addr:203.0.113.9"),
        (("unknown",), "addr:unknown"),
        ((), "addr:127.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_the_client(forwarded: tuple[str, ...], client: str) -> None:
    with echo_server("127.0.0.1", "10.0.0.0/8") as url:
        assert ask(url, *forwarded, proto="https") == f"{client} https"
