"""Headers that may be configured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routing.descriptor_header import name_fault, value_fault


@pytest.mark.parametrize("name", ["Set-Cookie", "authorization", "Cookie"])
def test_credentials_may_not_be_configured(name: str) -> None:
    assert "for security reasons" in (name_fault(name) or "")


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Date"])
def test_what_the_gateway_sets_itself_may_not_be_configured(name: str) -> None:
    assert "sets itself" in (name_fault(name) or "")


@pytest.mark.parametrize("name", ["X Bad", "", "X-Caf\u00e9", "X-Split\r\nX-Other", "X:"])
def test_a_name_is_a_token(name: str) -> None:
    assert "a header name" in (name_fault(name) or "")


@pytest.mark.parametrize("value", ["x\r\nX-Other: y", "x\n", "\x00", "\x7f", "gr\u00fc\u00df", "\u20ac"])
def test_a_value_is_ascii_without_control_characters(value: str) -> None:
    assert "ASCII" in (value_fault(value) or "")


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_accepted_is_one_clean_header_line(name: str, value: str) -> None:
    if name_fault("X-" + name) is None and value_fault(value) is None:
        line = f"X-{name}: {value}"
        assert line.isascii()
        assert line.isprintable() or "\t" in value
