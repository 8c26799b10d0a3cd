from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.guards.origins import OriginRule, check_origin, parse_origin

HOSTS = ("app.example", "localhost:5000")
RULES = (OriginRule("*.trusted.example", protocol="https"), OriginRule("exact.example", port=8443))


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "http://app.example",
        "https://APP.example:443",
        "http://localhost:5000",
        "https://a.trusted.example",
        "https://a.b.trusted.example:9",
        "https://exact.example:8443",
    ],
)
def test_own_and_listed_origins_pass(origin: str) -> None:
    check_origin(origin, HOSTS, RULES)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "*",
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evil-app.example",
        "https://app.example:8443",
        "http://localhost",
        "http://localhost:5001",
        "http://a.trusted.example",
        "https://trusted.example",
        "https://eviltrusted.example",
        "https://exact.example",
        "https://exact.example:9999",
        "https://app.example@evil.example",
        "https://app.example/",
        "https://app.example?",
        "https://app.example#x",
        "file://app.example",
        "https://app.example:x",
        "https://[::1",
        " https://app.example",
        "https://app.example, https://evil.example",
    ],
)
def test_attack_63_any_other_origin_is_refused(origin: str | None) -> None:
    with pytest.raises(GatewayError) as caught:
        check_origin(origin, HOSTS, RULES)
    assert caught.value.failure is Failure.ORIGIN_REFUSED


@given(text=st.text())
def test_any_text_is_survived(text: str) -> None:
    origin = parse_origin(text)
    assert origin is None or (origin.host and origin.port <= 65535)


@given(text=st.text(min_size=1))
def test_a_malformed_host_lets_nothing_in(text: str) -> None:
    with pytest.raises(GatewayError):
        check_origin("https://evil.example", (text,) if "evil.example" not in text else (), ())
