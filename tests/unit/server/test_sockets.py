from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.server.sockets import UnixListener, address_of, bind

EVERY_IPV4 = "0.0.0.0"  # noqa: S104


@contextlib.contextmanager
def listening(*hosts: str, port: int = 0) -> Iterator[list[socket.socket]]:
    listeners = bind(hosts, port)
    for listener in listeners:
        listener.listen()
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize(
    ("hosts", "reachable"),
    [
        (["127.0.0.1"], {"127.0.0.1"}),
        (["::1"], {"::1"}),
        (["::"], {"127.0.0.1", "::1"}),
        ([EVERY_IPV4], {"127.0.0.1"}),
        ([EVERY_IPV4, "::"], {"127.0.0.1", "::1"}),
        (["::", EVERY_IPV4], {"127.0.0.1", "::1"}),
        (["127.0.0.1", "::1"], {"127.0.0.1", "::1"}),
    ],
)
def test_it_listens_where_it_is_told_on_one_port(hosts: list[str], reachable: set[str]) -> None:
    with listening(*hosts) as listeners:
        (port,) = {listener.getsockname()[1] for listener in listeners}
        assert {host for host in ("127.0.0.1", "::1") if answers(host, port)} == reachable


def test_a_client_that_comes_too_early_is_refused_and_not_left_waiting() -> None:
    (listener,) = bind(["127.0.0.1"], 0)
    with listener:
        assert not answers("127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize("hosts", [["127.0.0.1"], ["::", "127.0.0.1"]])
def test_a_port_that_is_taken_is_an_error(hosts: list[str]) -> None:
    with listening("127.0.0.1") as taken, pytest.raises(OSError, match="in use"):
        bind(hosts, taken[0].getsockname()[1])


def test_a_host_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(OSError):
        bind(["no-such-host.invalid"], 0)


@needs_ipv6
def test_addresses_are_written_as_clients_use_them() -> None:
    (ipv4,), (ipv6,) = bind(["127.0.0.1"], 0), bind(["::1"], 0)
    with ipv4, ipv6:
        assert address_of(ipv4).startswith("http://127.0.0.1:")
        assert address_of(ipv6).startswith("http://[::1]:")


def test_a_unix_socket_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "depth.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with UnixListener(path) as live:
        live.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_a_unix_socket_of_a_live_server_is_not_replaced(tmp_path: Path) -> None:
    """Whether it listens yet, or is another program's."""
    path = tmp_path / "depth.sock"
    with UnixListener(path) as starting:
        for _ in range(2):
            with pytest.raises(OSError, match="in use"):
                UnixListener(path)
            starting.listen()
        assert path.exists()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            UnixListener(path)
    assert path.exists()


def test_a_server_that_ends_leaves_its_successor_alone(tmp_path: Path) -> None:
    path = tmp_path / "depth.sock"
    draining = UnixListener(path)
    draining.close()
    with UnixListener(path) as successor:
        successor.listen()
        draining.close()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_what_is_no_socket_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        UnixListener(path)
    assert path.read_text() == "precious"
