"""Typed reading of properties."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.destinations.authentication import Authentication
from app.destinations.properties import FRAMING, Properties, header_pair
from app.errors import Failure, GatewayError


def of(**values: str) -> Properties:
    return Properties("erp", values)


def test_missing_and_empty_values_give_the_default() -> None:
    properties = of(empty="")
    for name in ("empty", "missing"):
        assert properties.text(name, "x") == "x"
        assert properties.flag(name, True)
        assert properties.milliseconds(name, 30.0) == 30.0
        assert properties.choice(name, Authentication, Authentication.NONE) is Authentication.NONE
        assert properties.header(name, "sap-client") == ()


def test_values_are_read_as_what_they_stand_for() -> None:
    properties = of(flag="TRUE", off="false", time="700", kind="basicauthentication")
    assert properties.flag("flag")
    assert not properties.flag("off", True)
    assert properties.milliseconds("time", 30.0) == 0.7
    assert properties.choice("kind", Authentication, Authentication.NONE) is Authentication.BASIC


@pytest.mark.parametrize(
    "read",
    [
        lambda properties: properties.flag("Bad"),
        lambda properties: properties.milliseconds("Bad", 1.0),
        lambda properties: properties.choice("Bad", Authentication, Authentication.NONE),
        lambda properties: properties.url("Bad"),
        lambda properties: properties.header("Bad", "x"),
    ],
)
def test_a_bad_value_names_destination_and_property_but_not_the_value(read: Callable[[Properties], object]) -> None:
    with pytest.raises(GatewayError) as caught:
        read(of(Bad="top\nsecret"))
    assert caught.value.failure is Failure.DESTINATION_UNUSABLE
    assert "'erp'" in caught.value.detail
    assert "'Bad'" in caught.value.detail
    assert "top" not in caught.value.detail


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "1e3", "٣", "10000000000", "soon"])
def test_a_timeout_is_a_positive_whole_number(text: str) -> None:
    with pytest.raises(GatewayError, match="milliseconds"):
        of(time=text).milliseconds("time", 1.0)


def test_headers_and_queries_of_the_url_are_collected() -> None:
    properties = Properties("erp", {"URL.headers.X-Extra": "yes", "URL.queries.a b": "c&d", "URL": "http://x"})
    assert properties.url_headers() == ((b"x-extra", b"yes"),)
    assert properties.url_queries() == (("a b", "c&d"),)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\x00b", "\x7f"])
def test_a_header_value_with_control_characters_is_refused(value: str) -> None:
    with pytest.raises(GatewayError, match=r"'URL\.headers\.x'"):
        Properties("erp", {"URL.headers.x": value}).url_headers()


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "ä", "x\r\n", *sorted(header.decode() for header in FRAMING), "HOST"]
)
def test_a_header_that_frames_the_request_or_is_none_is_refused(name: str) -> None:
    with pytest.raises(GatewayError):
        Properties("erp", {f"URL.headers.{name}": "v"}).url_headers()


@given(st.text(), st.text())
def test_no_header_pair_can_hold_a_line_break(name: str, value: str) -> None:
    try:
        pair = header_pair(name, value)
    except ValueError:
        return
    assert not set(b"".join(pair)) & set(b"\r\n\x00")
    assert b":" not in pair[0]
