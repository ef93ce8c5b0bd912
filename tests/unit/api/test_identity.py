from __future__ import annotations

import pytest

from service.api.identity import client_of
from service.observability.context import RequestRecord


def scope(host: str | None, client: str | None = None) -> dict[str, object]:
    record = RequestRecord("id", client=client)
    return {"client": (host, 1234) if host else None, "state": {"record": record}}


def test_a_key_counts_before_an_address() -> None:
    assert client_of(scope("203.0.113.9", "phone-app")) == "key:phone-app"


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("203.0.113.9", "addr:203.0.113.9"),
        ("2001:db8::1", "addr:2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "addr:2001:db8::/64"),
        ("2001:db8:0:1::1", "addr:2001:db8:0:1::/64"),
        ("fe80::1%eth0", "addr:fe80::/64"),
        ("::ffff:203.0.113.9", "addr:203.0.113.9"),
        ("testclient", "addr:unknown"),
        (None, "addr:unknown"),
    ],
)
def test_without_a_key_the_address_counts(host: str | None, client: str) -> None:
    assert client_of(scope(host)) == client


def test_a_scope_without_a_record_has_an_address() -> None:
    assert client_of({"client": ("203.0.113.9", 1)}) == "addr:203.0.113.9"
