"""The allowlist service and the list of plugins."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.guards.origins import OriginRule
from app.own_endpoints import OwnEndpoints, allowlist, plugin_metadata
from app.request_head import RequestHead

RULES = (OriginRule("*.example.domain", "http", 12345), OriginRule("some.concrete.hostname"))


def ask(query: str, rules: tuple[OriginRule, ...] | None = RULES) -> dict[str, object]:
    answer = allowlist(rules)(RequestHead("GET", f"/allowlist?{query}", []))
    assert answer.status == 200
    assert dict(answer.headers)[b"content-type"] == b"application/json; charset=utf-8"
    document: dict[str, object] = json.loads(answer.body)
    return document


@pytest.mark.parametrize(
    ("origin", "framing"),
    [
        ("http://app.example.domain:12345", True),
        ("https://app.example.domain:12345", False),
        ("http://app.example.domain", False),
        ("http://example.domain:12345", False),
        ("http://evilexample.domain:12345", False),
        ("http://some.concrete.hostname", True),
        ("https://some.concrete.hostname:99", True),
        ("https://some.concrete.hostname.evil.example", False),
        ("null", False),
        ("nonsense", False),
    ],
)
def test_it_tells_whether_a_page_may_frame_ours(origin: str, framing: bool) -> None:
    expected = {"version": "1.0", "active": True, "origin": origin, "framing": framing}
    assert ask("parentOrigin=" + quote(origin, safe="")) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        "parentOrigin=",
        "other=http://a",
        "parentOrigin=http://a&parentOrigin=http://b",
        "&".join("a=b" for _ in range(500)),
    ],
)
def test_without_one_origin_nobody_may(query: str) -> None:
    assert ask(query) == {"version": "1.0", "active": True, "origin": "null", "framing": False}


def test_without_a_list_it_is_inactive() -> None:
    assert ask("parentOrigin=http://a.example", None) == {"version": "1.0", "active": False, "framing": True}
    assert ask("parentOrigin=http://a.example", ())["framing"] is False


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_query_gets_a_well_formed_answer(query: str) -> None:
    assert ask(query)["framing"] is False


def test_plugins_are_told_as_they_are_configured() -> None:
    plugins = [{"name": "one", "source": "^/plugged/(.*)$", "destination": "two", "scope": ["viewer"]}]
    answer = plugin_metadata(json.dumps(plugins))(RequestHead("GET", "/metadata", []))
    assert json.loads(answer.body) == plugins


class TestTable:
    """Exact paths, GET and HEAD."""

    endpoints = OwnEndpoints({"/metadata": plugin_metadata("[]")})

    def answer(self, method: str, target: str) -> Answer | None:
        return self.endpoints.answer(RequestHead(method, target, []))

    @pytest.mark.parametrize("target", ["/", "/metadata/", "/metadat", "/x/metadata", "/METADATA"])
    def test_other_paths_are_not_ours(self, target: str) -> None:
        assert self.answer("GET", target) is None

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_it_serves_readers(self, method: str) -> None:
        assert self.answer(method, "/metadata?x=1") is not None

    def test_it_refuses_other_methods(self) -> None:
        with pytest.raises(GatewayError) as refused:
            self.answer("POST", "/metadata")
        assert refused.value.failure is Failure.METHOD_NOT_ALLOWED
        assert refused.value.headers == ((b"allow", b"GET, HEAD"),)
