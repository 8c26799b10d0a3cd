"""Addresses of destinations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.destination_url import DestinationUrl, parse_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://host", DestinationUrl(False, "host", 80)),
        ("https://Host.Example/", DestinationUrl(True, "host.example", 443)),
        ("http://host:8080/root/path/", DestinationUrl(False, "host", 8080, "/root/path")),
        ("ws://host/a", DestinationUrl(False, "host", 80, "/a")),
        ("wss://host:444", DestinationUrl(True, "host", 444)),
        ("http://host/p?a=b&c=%20d", DestinationUrl(False, "host", 80, "/p", "a=b&c=%20d")),
        ("http://[::1]:81/x", DestinationUrl(False, "::1", 81, "/x")),
        ("http://bücher.example/ö", DestinationUrl(False, "xn--bcher-kva.example", 80, "/%C3%B6")),
        ("http://virtual_host:1", DestinationUrl(False, "virtual_host", 1)),
    ],
)
def test_usable_addresses_are_taken_apart(text: str, expected: DestinationUrl) -> None:
    assert parse_url(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin"),
        ("host/path", "does not begin"),
        ("ftp://host", "does not begin"),
        ("file:///etc/passwd", "does not begin"),
        ("http://", "host name"),
        ("http:///path", "host name"),
        ("http://user:secret@host", "user information"),
        ("http://user:secret/@host", "no number"),
        ("http://user:secret\u2100@host", "host name"),
        ("http://host/#part", "fragment"),
        ("http://host/a b", "space"),
        ("http://host/\r\nx: y", "control"),
        ("http://host\\@evil", "backslash"),
        ("http://host:0", "port"),
        ("http://host:99999", "port"),
        ("http://host:abc", "port"),
        ("http://a..b", "host name"),
        ("http://ho$t", "host name"),
        ("http://[::1", "host name"),
    ],
)
def test_other_addresses_are_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("http://host", "host"),
        ("http://host:80", "host"),
        ("https://host:443", "host"),
        ("https://host:80", "host:80"),
        ("http://[::1]:81", "[::1]:81"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_authority_has_the_port_where_it_is_not_the_default(text: str, authority: str) -> None:
    assert parse_url(text).authority == authority


@given(st.text(max_size=40))
def test_nothing_that_passes_can_break_a_request_line(rest: str) -> None:
    try:
        url = parse_url("http://host" + rest)
    except ValueError:
        return
    line = url.host_and_port + url.path + url.query
    assert line.isascii()
    assert not any(c.isspace() or not c.isprintable() for c in line)
