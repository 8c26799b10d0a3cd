"""Correlation ids are taken over, made, passed on and returned (attack case 50)."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.observability.correlation import CORRELATION_NAMES, correlation_id, forwarded_headers, new_id, returned_headers


@pytest.mark.parametrize("name", CORRELATION_NAMES)
def test_every_known_header_may_bring_the_id(name: bytes) -> None:
    assert correlation_id([(b"host", b"x"), (name, b"A-1_b.c:d")]) == "A-1_b.c:d"


def test_the_most_specific_header_counts_whatever_the_order() -> None:
    headers = [(name, b"id-%d" % rank) for rank, name in enumerate(CORRELATION_NAMES)]
    assert correlation_id(headers) == "id-0"
    assert correlation_id(reversed(headers)) == "id-0"
    assert correlation_id(headers[1:]) == "id-1"


@pytest.mark.parametrize("value", [b"", b"x" * 129, b"x" * 10_000, b"a b", b"a\nb", b"a\x00", b"\xe9", b"{}", b"a\n"])
def test_an_unsafe_id_is_replaced(value: bytes) -> None:
    assert uuid.UUID(correlation_id([(b"x-correlationid", value)])).version == 4


def test_an_unsafe_id_does_not_hide_a_safe_one() -> None:
    assert correlation_id([(b"x-correlationid", b"a b"), (b"x-vcap-request-id", b"safe")]) == "safe"


def test_the_first_of_repeated_headers_counts() -> None:
    assert correlation_id([(b"x-request-id", b"one"), (b"x-request-id", b"two")]) == "one"


def test_new_ids_are_random_uuids() -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(str(uuid.UUID(text)) == text and uuid.UUID(text).version == 4 for text in made)
    assert all(uuid.UUID(text).variant == uuid.RFC_4122 for text in made)


@given(st.lists(st.tuples(st.sampled_from([*CORRELATION_NAMES, b"cookie"]), st.binary(max_size=200))))
def test_whatever_comes_in_the_id_is_safe_in_headers_and_logs(headers: list[tuple[bytes, bytes]]) -> None:
    identifier = correlation_id(headers)
    assert 0 < len(identifier) <= 128
    assert set(identifier) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")


def test_backend_and_client_get_the_id() -> None:
    assert {name for name, _ in forwarded_headers("a-1")} <= set(CORRELATION_NAMES)
    assert dict(forwarded_headers("a-1"))[b"x-correlationid"] == b"a-1"
    assert dict(forwarded_headers("a-1"))[b"x-request-id"] == b"a-1"
    assert returned_headers("a-1") == ((b"x-request-id", b"a-1"), (b"x-correlationid", b"a-1"))


def test_a_backend_gets_the_request_id_of_the_client_where_it_is_valid() -> None:
    assert dict(forwarded_headers("a-1", b"r-1")) == {
        b"x-correlationid": b"a-1",
        b"x-correlation-id": b"a-1",
        b"x-request-id": b"r-1",
    }
    assert forwarded_headers("a-1", b"r 1") == forwarded_headers("a-1")
