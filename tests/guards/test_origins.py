from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.guards.origins import OriginRule, check_origin, parse_origin
from app.request_head import RequestHead

RULES = (OriginRule("*.trusted.example", protocol="https"), OriginRule("exact.example", port=8443))


def head(origin: str | None, host: str = "app.example", **headers: str) -> RequestHead:
    pairs = [(b"host", host.encode("latin-1", "replace"))]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if origin is not None:
        pairs.append((b"origin", origin.encode("latin-1", "replace")))
    return RequestHead("GET", "/", pairs)


def refused(request: RequestHead, rules: tuple[OriginRule, ...] | None = None) -> bool:
    try:
        check_origin(request, rules)
    except GatewayError as error:
        return error.failure is Failure.ORIGIN_REFUSED
    return False


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://app.example", "app.example"),
        ("http://app.example", "app.example"),
        ("https://APP.example:443", "app.example"),
        ("http://localhost:5000", "localhost:5000"),
    ],
)
def test_our_own_pages_open_web_sockets(origin: str, host: str) -> None:
    assert not refused(head(origin, host))
    assert not refused(head(origin, "internal:8080", x_forwarded_host=host))


@pytest.mark.parametrize(
    "origin", ["https://a.trusted.example", "https://a.b.trusted.example:9", "https://exact.example:8443"]
)
def test_where_there_is_a_list_it_alone_counts(origin: str) -> None:
    assert not refused(head(origin), RULES)
    assert refused(head(origin))
    assert refused(head(origin), ())
    assert refused(head("https://app.example"), RULES)


def test_a_refusal_tells_a_missing_origin_from_a_foreign_one() -> None:
    with pytest.raises(GatewayError) as caught:
        check_origin(head(None), RULES)
    assert caught.value.detail == "it has no header Origin"
    assert "Origin" in caught.value.advice
    with pytest.raises(GatewayError) as caught:
        check_origin(head("https://foreign.example"), RULES)
    assert (caught.value.detail, caught.value.logged) == ("", "origin https://foreign.example")


def test_attack_63_pages_that_came_over_plain_http_are_not_ours_where_we_are_reached_by_https() -> None:
    assert refused(head("http://app.example", x_forwarded_proto="https"))
    assert not refused(head("https://app.example", x_forwarded_proto="https"))


def test_attack_63_the_host_behind_a_proxy_is_not_the_browsers() -> None:
    assert refused(head("https://internal", "internal", x_forwarded_host="app.example"))


@pytest.mark.parametrize(
    "origin",
    [
        None, "", "null", "*", "https://evil.example", "https://app.example.evil.example", "https://evil-app.example",
        "https://app.example:8443", "http://localhost", "http://localhost:5001", "http://a.trusted.example",
        "https://trusted.example", "https://eviltrusted.example", "https://exact.example",
        "https://exact.example:9999", "https://app.example@evil.example", "https://app.example/",
        "https://app.example?", "https://app.example#x", "file://app.example", "https://app.example:x",
        "https://[::1", " https://app.example", "https://app.example, https://evil.example",
    ],
)  # fmt: skip
def test_attack_63_any_other_origin_is_refused(origin: str | None) -> None:
    for host in ("app.example", "localhost:5000"):
        assert refused(head(origin, host))
        assert refused(head(origin, host), RULES)


@given(text=st.text())
def test_any_text_is_survived(text: str) -> None:
    origin = parse_origin(text)
    assert origin is None or (origin.host and origin.port <= 65535)


@given(text=st.text(min_size=1))
def test_a_malformed_host_lets_nothing_in(text: str) -> None:
    assert refused(head("https://evil.example", "" if "evil.example" in text else text))
