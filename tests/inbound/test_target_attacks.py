"""Requests whose destination could be read in two ways."""

from __future__ import annotations

import pytest

from tests.support.mini_gateway import mini_gateway
from tests.support.raw_backend import Received, friendly, raw_backend
from tests.support.raw_client import raw_client
from tests.support.refusal import refused
from tests.support.running import run


def received(payload: bytes) -> Received:
    """What the backend gets for a payload that is fine."""

    async def test() -> Received:
        async with raw_backend(friendly) as backend, mini_gateway(backend.port) as gateway:
            async with raw_client(gateway.port) as client:
                await client.send(payload)
                assert (await client.answer()).status == 200
            return backend.requests[0]

    return run(test())


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"host: a\r\nhost: a\r\n",
        b"host: a\r\nHost: b\r\n",
        b"host:\r\n",
        b"host: a/?x=\r\n",
        b"host: a#b\r\n",
        b"host: a@b\r\n",
        b"host: a b\r\n",
        b"host: a,b\r\n\tc\r\n",
        b"host: a:b\r\n",
        b"host: a:123456\r\n",
        b"host: a:80:80\r\n",
        b"host: [::1\r\n",
        b"host: \xe4.example\r\n",
        b"host: a\\b\r\n",
        b"host: http://a\r\n",
    ],
)
def test_repeated_missing_or_malformed_host(lines: bytes) -> None:
    """Case 25."""
    refused(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")


@pytest.mark.parametrize("host", [b"a.example", b"a.example:8443", b"[::1]:80", b"a.example \t", b"A-1_x.example"])
def test_good_hosts(host: bytes) -> None:
    request = received(b"GET / HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")
    assert request.values(b"x-forwarded-host") == [host.strip()]
    assert request.values(b"host") == [b"erp.internal"]


def test_the_authority_of_an_absolute_target_wins() -> None:
    """Case 26 (RFC 9112, 3.2.2)."""
    request = received(b"GET http://real.example:8080/a?b=c HTTP/1.1\r\nhost: other.example\r\n\r\n")
    assert request.target == b"/a?b=c"
    assert request.values(b"x-forwarded-host") == [b"real.example:8080"]


@pytest.mark.parametrize(
    ("target", "origin_form"),
    [(b"http://a", b"/"), (b"HTTP://a/", b"/"), (b"https://a?x=1", b"/?x=1"), (b"http://a//b", b"//b")],
)
def test_absolute_targets_without_a_path(target: bytes, origin_form: bytes) -> None:
    assert received(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n").target == origin_form


@pytest.mark.parametrize(
    "target",
    [
        b"http://user@evil/",
        b"http://user:pass@evil/",
        b"http:///a",
        b"http://a\\@b/",
        b"ftp://a/",
        b"http:/a",
        b"http://a b/",
    ],
)
def test_absolute_targets_that_are_not_clear(target: bytes) -> None:
    """Case 26."""
    refused(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")


@pytest.mark.parametrize("target", [b"@evil", b"evil", b"evil:80", b"*", b"?a", b".", b"\\evil", b":80/"])
def test_targets_that_do_not_begin_with_a_slash(target: bytes) -> None:
    """Case 27."""
    refused(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")


@pytest.mark.parametrize("target", [b"/a#b", b"/#", b"http://a/#b", b"/a?b#c"])
def test_targets_with_a_fragment(target: bytes) -> None:
    """Case 28."""
    refused(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")


@pytest.mark.parametrize("target", [b"/\x00", b"/\x01", b"/\xe4", b"/\x7f", b"/a\tb"])
def test_targets_with_foreign_bytes(target: bytes) -> None:
    refused(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")


@pytest.mark.parametrize("target", [b"/%2f%2f/%00", b"/a;b=c", b"/a'\"<>{}|^`[]", b"//a//", b"/?%zz&=&", b"/%"])
def test_strange_but_clear_targets_stay_as_they_are(target: bytes) -> None:
    assert received(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n").target == target


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE", b"BREW", b"PRI", b"PURGE"])
def test_methods_that_are_not_for_us(method: bytes) -> None:
    refused(method + b" / HTTP/1.1\r\nhost: a\r\n\r\n")


def test_connect_to_an_authority() -> None:
    refused(b"CONNECT evil:443 HTTP/1.1\r\nhost: evil:443\r\n\r\n")


@pytest.mark.parametrize("version", [b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1", b"HTTP/11", b"HTTPS/1.1"])
def test_other_versions(version: bytes) -> None:
    refused(b"GET / " + version + b"\r\nhost: a\r\n\r\n")
