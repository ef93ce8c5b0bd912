from __future__ import annotations

import pytest

from service.api.access.hosts import host_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("example.com", "example.com"),
        ("Example.COM:8000", "example.com"),
        ("example.com:", "example.com"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("example.com:80:80", "example.com:80"),
        ("", ""),
    ],
)
def test_the_name_is_what_stands_before_the_port(header: str, name: str) -> None:
    assert host_name(header) == name
