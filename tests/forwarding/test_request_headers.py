"""What a backend gets to see of a request: never what the client has no right to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.forwarding.headers import HOP_BY_HOP, IDENTITY, IDENTITY_PREFIXES
from app.forwarding.outbound_request import MAX_PROXY_LINE, Outbound, build_head
from app.principal import Tenant, UserPrincipal
from app.request_head import RequestHead
from app.transport.pool_key import DirectKey, OnPremiseKey, Proxy

Pairs = list[tuple[bytes, bytes]]

DIRECT = DirectKey("erp", 443)
ON_PREMISE = OnPremiseKey(Proxy("proxy", 20003), UserPrincipal(Tenant("t", "acme"), "sap", "u"), "", "erp", 80)
EVIL = b"evil"

MANAGED = (b"host", b"cookie", b"authorization", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-path")
FORBIDDEN = sorted(HOP_BY_HOP | IDENTITY) + [prefix + b"x" for prefix in IDENTITY_PREFIXES]
DISGUISED = [name.replace(b"-", b"_") for name in (*FORBIDDEN, b"x-forwarded-user", b"content-length") if b"-" in name]
HARMLESS = [b"accept", b"x-custom", b"content-type", b"if-match", b"x-csrf-token", b"my_header", b"accept-language"]
names = st.sampled_from([*MANAGED, *FORBIDDEN, *DISGUISED, *HARMLESS])


def backend(key: DirectKey | OnPremiseKey = DIRECT, **more: object) -> Backend:
    return Backend("erp", key, b"erp:443", **more)  # type: ignore[arg-type]


def sent(pairs: Pairs, to: Backend | None = None, outbound: Outbound | None = None, target: str = "/a?b=c") -> Pairs:
    """The header lines that the backend gets; the request line is checked on the way."""
    head = RequestHead("GET", target, pairs, client="10.0.0.1", scheme="https")
    data = build_head(head, target, to or backend(), outbound or Outbound())
    request_line, *lines, empty, end = data.split(b"\r\n")
    assert (empty, end) == (b"", b"")
    assert request_line.startswith(b"GET ")
    assert request_line.endswith(b" HTTP/1.1")
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def values(pairs: Pairs, name: bytes) -> list[bytes]:
    return [value for key, value in pairs if key == name]


@given(st.lists(st.tuples(names, st.just(EVIL)), max_size=20), st.lists(names, max_size=3))
def test_nothing_forbidden_or_nominated_passes(pairs: Pairs, nominated: list[bytes]) -> None:
    """Cases 40 to 42, 48."""
    connection = [(b"connection", b" , ".join(name.upper() for name in nominated))] if nominated else []
    passed = sent([(b"host", b"gateway"), *pairs, *connection], outbound=Outbound(keep_authorization=True))
    evil = {name for name, value in passed if EVIL in value}
    assert not evil & {*FORBIDDEN, *DISGUISED, b"cookie", b"host"}
    assert not evil & set(nominated) - {b"x-forwarded-for"}
    assert {name for name, value in pairs if name in HARMLESS and name not in nominated} <= evil
    assert len(values(passed, b"host")) == 1


@given(st.lists(st.tuples(names, st.just(EVIL)), max_size=20))
def test_credentials_replace_whatever_the_client_says(pairs: Pairs) -> None:
    credentials: Headers = ((b"authorization", b"Bearer ours"), (b"x-custom", b"ours"), (b"sap-client", b"100"))
    passed = sent([*pairs, (b"sap-client", EVIL)], backend(credentials=credentials), Outbound(keep_authorization=True))
    for name, value in credentials:
        assert values(passed, name) == [value]


@pytest.mark.parametrize(
    "name", [b"authorization", b"cookie", b"x-forwarded-client-cert", b"x-csrf-token", b"x-custom"]
)
def test_configured_headers_stand_where_the_clients_does_not_pass(name: bytes) -> None:
    """What is withheld from the client's request takes nobody's place."""
    ours: Headers = ((name, b"ours"),)
    passed = sent([(name, b"client")], backend(defaults=ours), Outbound(dropped=frozenset({b"x-csrf-token"})))
    assert values(passed, name) == [b"client" if name == b"x-custom" else b"ours"]


def test_what_is_sent_anyway_has_one_line() -> None:
    ours: Headers = ((b"x-forwarded-host", b"ours"), (b"cookie", b"ours=1"))
    passed = sent([(b"host", b"gateway")], backend(defaults=ours), Outbound(cookie=b"a=1"))
    assert (values(passed, b"x-forwarded-host"), values(passed, b"cookie")) == ([b"gateway"], [b"a=1"])


def test_without_forwarded_headers_none_is_sent_also_none_of_the_client() -> None:
    named = [b"x-forwarded-" + each for each in (b"for", b"host", b"proto", b"path", b"port", b"prefix", b"server")]
    pairs = [(b"host", b"gateway"), *((name, b"client") for name in named)]
    passed = sent(pairs, backend(forwarded_headers=False))
    assert [name for name, _ in passed if name.startswith(b"x-forwarded-")] == []
    assert values(sent(pairs), b"x-forwarded-port") == [b"client"]


PASSPORT = b"2A54482A0300E600756E6B6E6F776E".ljust(452, b"0") + b"2A54482A"
"""The header has 230 bytes in hexadecimal digits, between two marks (protocols 7)."""


@pytest.mark.parametrize("key", [DIRECT, ON_PREMISE])
@pytest.mark.parametrize("passport", [PASSPORT, PASSPORT.lower(), b"not a passport"])
def test_a_passport_passes_without_damage(key: DirectKey | OnPremiseKey, passport: bytes) -> None:
    for keep in (True, False):
        passed = sent([(b"sap-passport", passport)], backend(key), Outbound(keep_authorization=keep))
        assert values(passed, b"sap-passport") == [passport]


def test_configured_headers_do_not_replace_the_clients() -> None:
    """URL.headers.*."""
    defaults: Headers = ((b"accept", b"text/plain"), (b"sap-language", b"en"))
    passed = sent([(b"accept", b"application/json")], backend(defaults=defaults))
    assert values(passed, b"accept") == [b"application/json"]
    assert values(passed, b"sap-language") == [b"en"]


@pytest.mark.parametrize(("keep", "expected"), [(True, [b"Bearer x"]), (False, [])])
def test_authorization_passes_only_where_asked_for(keep: bool, expected: list[bytes]) -> None:
    passed = sent([(b"authorization", b"Bearer x")], outbound=Outbound(keep_authorization=keep))
    assert values(passed, b"authorization") == expected


def test_what_is_dropped_for_a_backend_does_not_pass() -> None:
    pairs = [(b"x-csrf-token", EVIL), (b"sap-client", EVIL)]
    outbound = Outbound(dropped=frozenset((b"x-csrf-token",)))
    passed = sent(pairs, backend(dropped=frozenset((b"sap-client",))), outbound)
    assert not values(passed, b"x-csrf-token")
    assert not values(passed, b"sap-client")


def test_the_host_is_the_backends_unless_the_clients_is_wanted() -> None:
    host = [(b"host", b"shop.example")]
    assert values(sent(host), b"host") == [b"erp:443"]
    assert values(sent(host, backend(preserve_host=True)), b"host") == [b"shop.example"]
    assert values(sent([], backend(preserve_host=True)), b"host") == [b"erp:443"]


def test_forwarded_headers_tell_of_the_request() -> None:
    passed = sent([(b"host", b"shop.example")])
    assert values(passed, b"x-forwarded-host") == [b"shop.example"]
    assert values(passed, b"x-forwarded-proto") == [b"https"]
    assert values(passed, b"x-forwarded-path") == [b"/a"]
    assert values(passed, b"x-forwarded-for") == [b"10.0.0.1"]


def test_forwarded_headers_of_a_front_end_stay_and_are_said_once() -> None:
    said = [(b"x-forwarded-host", b"front"), (b"x-forwarded-host", b"second"), (b"x-forwarded-proto", b"http")]
    passed = sent([(b"host", b"inner"), *said, (b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2")])
    assert values(passed, b"x-forwarded-host") == [b"front"]
    assert values(passed, b"x-forwarded-proto") == [b"http"]
    assert values(passed, b"x-forwarded-for") == [b"1.1.1.1, 2.2.2.2, 10.0.0.1"]


def test_forwarded_headers_can_be_switched_off() -> None:
    passed = sent([(b"host", b"a"), (b"x-forwarded-host", EVIL)], backend(forwarded_headers=False))
    assert not [name for name, _ in passed if name.startswith(b"x-forwarded-") and name != b"x-forwarded-for"]


def test_nominated_forwarded_headers_are_ours() -> None:
    """Case 42: what the client removes from itself is set anew, not removed."""
    said = [
        (b"host", b"shop.example"),
        (b"connection", b"x-forwarded-host, x-forwarded-for"),
        (b"x-forwarded-host", EVIL),
    ]
    passed = sent(said)
    assert values(passed, b"x-forwarded-host") == [b"shop.example"]
    assert values(passed, b"x-forwarded-for") == [b"10.0.0.1"]


def test_only_the_cookie_that_was_decided_on_passes() -> None:
    assert values(sent([(b"cookie", EVIL)]), b"cookie") == []
    assert values(sent([(b"cookie", EVIL)], outbound=Outbound(cookie=b"a=b")), b"cookie") == [b"a=b"]


@pytest.mark.parametrize(
    ("target", "base", "query", "expected"),
    [
        ("/a?b=c", b"", b"", b"/a?b=c"),
        ("/a%2F%zz?x=%", b"/root", b"", b"/root/a%2F%zz?x=%"),
        ("/a", b"", b"k=v", b"/a?k=v"),
        ("/a?b", b"http://erp:80/root", b"k=v", b"http://erp:80/root/a?b&k=v"),
        ("@evil/", b"", b"", b"/@evil/"),
        ("//evil/a", b"", b"", b"//evil/a"),
    ],
)
def test_targets_stay_as_they_are_behind_the_base(target: str, base: bytes, query: bytes, expected: bytes) -> None:
    """Cases 27 and 38: whatever a rewriting made of it, it names no other host."""
    head = RequestHead("GET", target, [])
    data = build_head(head, target, backend(base=base, query=query), Outbound())
    assert data.startswith(b"GET " + expected + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(("size", "fits"), [(MAX_PROXY_LINE - len("x-long: "), True), (MAX_PROXY_LINE, False)])
def test_lines_that_the_connectivity_proxy_would_refuse(size: int, fits: bool) -> None:
    pairs = [(b"x-long", b"a" * size)]
    assert values(sent(pairs), b"x-long")
    if fits:
        assert values(sent(pairs, backend(ON_PREMISE)), b"x-long")
        return
    with pytest.raises(GatewayError, match="x-long has") as caught:
        sent(pairs, backend(ON_PREMISE))
    assert caught.value.failure is Failure.PROXY_HEADER_TOO_LONG
