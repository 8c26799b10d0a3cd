"""What a client gets to see of a backend's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer import Headers
from app.forwarding.client_response import shape_headers
from app.forwarding.headers import HOP_BY_HOP

Pairs = list[tuple[bytes, bytes]]
names = st.sampled_from([*sorted(HOP_BY_HOP), b"set-cookie", b"content-length", b"etag", b"x-a", b"x-b", b"vary"])


def shaped(headers: Pairs, status: int = 200, ours: Headers = ()) -> Pairs:
    return shape_headers(status, headers, dict(headers), ours)


@given(st.lists(st.tuples(names, st.just(b"theirs"))), st.lists(names, max_size=3), st.lists(names, max_size=3))
def test_hop_by_hop_headers_and_cookies_stay_here(pairs: Pairs, nominated: list[bytes], added: list[bytes]) -> None:
    ours = tuple((name, b"ours") for name in added)
    connection = (b"connection", b", ".join(name.title() for name in nominated))
    passed = shaped([*pairs, connection], ours=ours)
    theirs = {name for name, value in passed if value == b"theirs"}
    assert not theirs & (HOP_BY_HOP | {b"set-cookie"} | set(added))
    assert not theirs & set(nominated) - {b"content-length"}
    assert [pair for pair in passed if pair[1] == b"ours"] == list(ours)


@given(st.lists(st.tuples(st.sampled_from([b"x-a", b"x-b", b"vary"]), st.binary(max_size=3))))
def test_all_others_pass_in_order(pairs: Pairs) -> None:
    assert shaped(pairs) == pairs


@pytest.mark.parametrize(("status", "stays"), [(200, True), (206, True), (404, True), (204, False), (304, False)])
def test_a_length_that_the_status_forbids_is_dropped(status: int, stays: bool) -> None:
    assert (shaped([(b"content-length", b"0")], status) != []) is stays


def test_nomination_counts_wherever_it_stands() -> None:
    passed = shaped([(b"x-a", b"1"), (b"connection", b"close"), (b"x-b", b"2"), (b"connection", b"X-A,x-b")])
    assert passed == []
