"""Who may call: hosts, origins, keys."""

import pytest

from desktop.core.service.faces import PublicPolicy, is_loopback, split_host

LOCAL = PublicPolicy("127.0.0.1", False, ["paddock.example"], ["https://app.example"])
LAN = PublicPolicy("0.0.0.0", False, [], [])


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8484", True),
        ("localhost:8484", True),
        ("LOCALHOST", True),
        ("[::1]:8484", True),
        ("paddock.example", True),
        ("evil.example", False),
        ("evil.example:8484", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[", False),
        ("192.168.1.7:8484", False),
    ],
)
def test_hosts_on_loopback(host: str, allowed: bool) -> None:
    assert LOCAL.host_allowed(host) is allowed


def test_hosts_on_the_lan_are_addresses_not_names() -> None:
    assert LAN.host_allowed("192.168.1.7:8484")
    assert not LAN.host_allowed("evil.example:8484")
    assert LAN.key_needed and not LOCAL.key_needed


def test_origins() -> None:
    assert LOCAL.origin_allowed("https://app.example", "127.0.0.1:8484")
    assert LOCAL.origin_allowed("http://127.0.0.1:8484", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("http://127.0.0.1:3000", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("null", "127.0.0.1:8484")
    assert not LOCAL.origin_allowed("https://evil.example", "127.0.0.1:8484")


def test_loopback() -> None:
    assert is_loopback("127.9.9.9") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("10.0.0.1") and not is_loopback("a.b")
    assert split_host("[::1]:80") == "::1"
