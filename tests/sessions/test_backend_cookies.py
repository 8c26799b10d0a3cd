from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.principal import Principal, TechnicalPrincipal, Tenant, UserPrincipal
from app.request_head import RequestHead
from app.sessions.backend_cookies import MAX_COOKIES, BackendCookies, CookieSite, cookies_for_client
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.cookie import CookieOptions, CookieWriter, OwnCookies
from app.sessions.set_cookie import domain_matches, parse_set_cookie, path_matches

IS_OWN = OwnCookies().is_own
SITE = CookieSite("erp", "erp.example", "/sap/opu/odata")
ALICE = UserPrincipal(Tenant("zone", "acme"), "sap.default", "alice")
BOB = UserPrincipal(Tenant("zone", "acme"), "sap.default", "bob")
NOBODY = TechnicalPrincipal(Tenant("zone", "acme"))


def jar(*lines: bytes, site: CookieSite = SITE) -> BackendCookies:
    cookies = BackendCookies()
    cookies.absorb(site, lines, IS_OWN)
    return cookies


def test_session_cookies_are_kept_and_sent_back() -> None:
    assert jar(b"SAP_SESSIONID=s1; Path=/; Secure; HttpOnly").header(SITE, None) == b"SAP_SESSIONID=s1"


def test_session_cookies_do_not_reach_the_client_and_lasting_ones_do() -> None:
    lines = [b"S=1", b"L=en; Max-Age=3600", b"E=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", b"junk"]
    assert cookies_for_client(lines, IS_OWN, session_cookies=False) == lines[1:3]
    assert cookies_for_client(lines, IS_OWN, session_cookies=True) == lines[:3]
    assert jar(*lines).header(SITE, None) == b"S=1"


def test_attack_71_our_names_never_reach_the_client() -> None:
    lines = [b"JSESSIONID=theirs; Max-Age=99", b"ARBE=x", b"gangwayLogin-ABCDEFGH=mark; Max-Age=600", b"__VCAP_ID__=1"]
    assert cookies_for_client(lines, IS_OWN, session_cookies=True) == []
    assert jar(*lines).header(SITE, None) == b"; ".join(line.partition(b";")[0] for line in lines)


@pytest.mark.parametrize(
    "site",
    [
        CookieSite("crm", "erp.example", "/sap/opu/odata"),
        CookieSite("erp", "other.example", "/sap/opu/odata"),
        CookieSite("erp", "sub.erp.example", "/sap/opu/odata"),
    ],
)
def test_attack_68_a_cookie_returns_to_its_destination_and_host_only(site: CookieSite) -> None:
    assert jar(b"S=1; Path=/").header(site, b"mine=2") == b"mine=2"


def test_a_domain_cookie_covers_the_hosts_below() -> None:
    cookies = jar(b"S=1; Path=/; Domain=.erp.example")
    assert cookies.header(CookieSite("erp", "a.erp.example", "/"), None) == b"S=1"
    assert cookies.header(CookieSite("erp", "a-erp.example", "/"), None) is None


def test_a_domain_of_somebody_else_is_ignored() -> None:
    assert len(jar(b"S=1; Domain=evil.example")) == 0


def test_paths_are_matched_and_longer_ones_come_first() -> None:
    cookies = jar(b"A=1; Path=/", b"B=2; Path=/sap", b"C=3; Path=/sa", b"D=4")
    assert cookies.header(SITE, None) == b"D=4; B=2; A=1"
    assert cookies.header(CookieSite("erp", "erp.example", "/sap/opu"), None) == b"D=4; B=2; A=1"
    assert cookies.header(CookieSite("erp", "erp.example", "/sapui5"), None) == b"A=1"


def test_the_backends_cookie_wins_over_the_clients_of_the_same_name() -> None:
    assert jar(b"S=1; Path=/").header(SITE, b"S=old; T=2; =x") == b"S=1; T=2; =x"


def test_a_deleted_cookie_is_dropped() -> None:
    cookies = jar(b"S=1; Path=/", b"T=1; Path=/")
    assert cookies.absorb(
        SITE, [b"S=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", b"T=; Path=/; Max-Age=0"], IS_OWN
    )
    assert len(cookies) == 0


def test_it_tells_whether_anything_changed() -> None:
    cookies = jar(b"S=1")
    assert not cookies.absorb(SITE, [b"S=1", b"L=en; Max-Age=9"], IS_OWN)
    assert cookies.absorb(SITE, [b"S=2"], IS_OWN)


def test_a_flood_is_bounded() -> None:
    cookies = jar(*(f"c{number}=1".encode() for number in range(500)), b"huge=" + b"x" * 5000)
    assert len(cookies) == MAX_COOKIES
    assert b"c499=1" in (cookies.header(SITE, None) or b"")


@given(line=st.binary(max_size=200))
def test_any_line_is_survived(line: bytes) -> None:
    cookies = jar(line)
    header = cookies.header(SITE, None) or b""
    assert b"\r" not in header
    assert b"\n" not in header
    assert BackendCookies.load(json.loads(json.dumps(cookies.dump()))).header(SITE, None) == (header or None)


@pytest.mark.parametrize(
    ("line", "persistent", "expired"),
    [
        ("a=1", False, False),
        ("a=1; max-age=10", True, False),
        ("a=1; Max-Age=-1", True, True),
        ("a=1; Max-Age=x", False, False),
        ("a=1; Expires=Wed, 01-Jan-2031 00:00:00 GMT", True, False),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True, True),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9", True, False),
        ("a=1; Expires=soon", False, False),
    ],
)
def test_lifetimes(line: str, persistent: bool, expired: bool) -> None:
    cookie = parse_set_cookie(line)
    assert cookie is not None
    assert (cookie.persistent, cookie.expired) == (persistent, expired)


def test_matching_rules() -> None:
    assert path_matches("/", "/x")
    assert path_matches("/a", "/a/b")
    assert not path_matches("/a", "/ab")
    assert domain_matches("example", "a.example")
    assert not domain_matches("0.0.1", "127.0.0.1")


def carrier(secret: str = "x" * 32) -> CarriedCookies:
    return CarriedCookies(secret, CookieWriter(CookieOptions()))


def carried(line: bytes, principal: Principal = ALICE, reader: CarriedCookies | None = None) -> BackendCookies:
    return (reader or carrier()).read(RequestHead("GET", "/", [(b"cookie", line)]), principal)


def test_where_session_cookies_go_to_the_browser_those_of_our_names_stay() -> None:
    lines = [b"JSESSIONID=java; Path=/", b"OTHER=1; Path=/"]
    cookies = BackendCookies()
    assert cookies.absorb(SITE, lines, IS_OWN, only_reserved=True)
    assert cookies.header(SITE, None) == b"JSESSIONID=java"
    assert cookies_for_client(lines, IS_OWN, True) == [b"OTHER=1; Path=/"]


def sealed(principal: Principal, *lines: bytes) -> bytes:
    """What a principal carries, as a Cookie header."""
    _, line = carrier().write(RequestHead("GET", "/", []), principal, jar(*lines))
    return line.split(b";")[0]


def test_callers_without_session_carry_their_cookies_sealed() -> None:
    value = sealed(ALICE, b"S=topsecret; Path=/")
    assert value.startswith(b"ARBE=1:")
    assert b"topsecret" not in value
    assert carried(value).header(SITE, None) == b"S=topsecret"


def test_attack_57_carried_cookies_open_for_their_principal_unchanged_only() -> None:
    value = sealed(ALICE, b"S=1; Path=/")
    flipped = value[:-1] + (b"A" if value[-1:] != b"A" else b"B")
    assert len(carried(value, BOB)) == 0
    assert len(carried(value, NOBODY)) == 0
    nobodys = sealed(NOBODY, b"S=1; Path=/")
    assert carried(nobodys, NOBODY).header(SITE, None) == b"S=1"
    assert len(carried(nobodys, ALICE)) == len(carried(nobodys, TechnicalPrincipal(Tenant("t2", "globex")))) == 0
    assert len(carried(flipped[:-4] + b"AAAA")) == 0
    assert len(carried(value, ALICE, carrier("y" * 32))) == 0
    for junk in (b"ARBE=", b"ARBE=1:", b"ARBE=1:\xff", b"ARBE=2:abc", b"ARBE=1:" + b"A" * 40_000):
        assert len(carried(junk)) == 0
