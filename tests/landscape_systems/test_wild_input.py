"""Wild input is refused in an orderly way: nothing but the documented error leaves the readers."""

from __future__ import annotations

import contextlib
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from app.landscape.http_wire import parse_head, render_head, request_framing
from app.landscape.odata_expression import parse_filter
from app.landscape.odata_path import resolve
from app.landscape.odata_query import apply_options, read_options
from app.landscape.odata_schema import ODataError
from app.landscape.odata_store import Store
from app.landscape.odata_v2_json import values_from_json
from app.landscape.proxy_refusal import Refusal
from app.landscape.proxy_request import read_request
from app.landscape.shop_data import shop_rows, shop_schema

WILD = settings(deadline=None)
SCHEMA = shop_schema("ZSHOP_SRV")
STORE = Store(SCHEMA, shop_rows("DDIC"))
PRODUCT = SCHEMA.of_set("Products")
ORDER = SCHEMA.of_set("SalesOrders")

WORDS = ["Price", "Name", "Stock", "eq", "gt", "and", "or", "not", "(", ")", ",", "'a'", "12.5M", "true", "null"]
WORDS += ["substringof(", "startswith(", "length(", "datetime'2026-01-01T00:00:00'", "9" * 5000, "2026-99-99", "'"]
PIECES = ["SalesOrders", "('5000001')", "/", "Items", "$count", "$value", "(", ")", "'", "=", ",", "Position", "null"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("/Date(999999999999999)/"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@WILD
@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)))
def test_any_filter_is_a_predicate_or_an_odata_error(text: str) -> None:
    with contextlib.suppress(ODataError):
        matches = parse_filter(text, PRODUCT)
        assert all(matches(row) in (True, False) for row in STORE.rows(PRODUCT))


@WILD
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
def test_any_path_leads_somewhere_or_is_an_odata_error(path: str) -> None:
    with contextlib.suppress(ODataError):
        assert resolve(path, STORE).entity_type in SCHEMA.entity_types


@WILD
@given(
    st.dictionaries(
        st.sampled_from(["$top", "$skip", "$orderby", "$select", "$expand"]),
        st.one_of(st.text(), st.lists(st.sampled_from(["Items", "/", "Order", "(", ")", ";", "=", ","])).map("".join)),
    )
)
def test_any_options_give_a_page_or_an_odata_error(query: dict[str, str]) -> None:
    with contextlib.suppress(ODataError):
        rows, total = apply_options(STORE.rows(ORDER), read_options(query, ORDER, SCHEMA, count=True))
        assert len(rows) <= total == 3


@WILD
@given(st.dictionaries(st.sampled_from([item.name for item in PRODUCT.properties]), JSON))
def test_any_body_gives_values_or_an_odata_error(body: dict[str, object]) -> None:
    with contextlib.suppress(ODataError):
        assert set(values_from_json(PRODUCT, body)) == set(body)


@WILD
@given(st.binary(max_size=400))
def test_any_head_is_read_or_refused(block: bytes) -> None:
    with contextlib.suppress(Refusal):
        request = read_request(parse_head(block + b"\r\n\r\n"))
        assert request.target.startswith("/")


TOKEN = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20)
VALUE = st.text(string.ascii_letters + string.digits + " ;=/", max_size=40).map(str.strip)


@WILD
@given(st.lists(st.tuples(TOKEN, VALUE), max_size=10))
def test_head_that_was_rendered_is_read_as_it_was(pairs: list[tuple[str, str]]) -> None:
    headers = [(name.encode(), value.encode()) for name, value in pairs]
    read = parse_head(render_head(b"GET http://erp:8080/ HTTP/1.1", headers))
    assert read.headers == tuple((name.lower(), value) for name, value in headers)


@WILD
@given(
    st.lists(st.sampled_from([b"content-length: 5", b"content-length: 7", b"transfer-encoding: chunked"]), min_size=2)
)
def test_more_than_one_statement_about_the_length_is_refused(lines: list[bytes]) -> None:
    head = parse_head(b"POST http://erp:8080/ HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")
    refused = False
    try:
        request_framing(head)
    except Refusal as refusal:
        refused = refusal.close
    assert refused
