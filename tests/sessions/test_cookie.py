from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request_head import RequestHead
from app.sessions.cookie import (
    CookieOptions,
    CookieWriter,
    OwnCookies,
    mark_cookie,
    new_session_id,
    session_key,
)

OWN = OwnCookies("JSESSIONID")
ID = "A" * 43
NAMES = st.sampled_from(
    ["JSESSIONID", "XJSESSIONID", "JSESSIONIDX", "jsessionid", "ARBE", "a", "", "__proto__", "gangwayLogin-12345678"]
)
VALUES = st.one_of(st.sampled_from([ID, "B" * 43, ID + "x", "", f'"{ID}"']), st.text('=," abcJSESSIONID', max_size=60))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def head(*cookies: bytes, **headers: str) -> RequestHead:
    more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return RequestHead("GET", "/", [*((b"cookie", cookie) for cookie in cookies), *more])


@given(pairs=PAIRS)
def test_attack_58_a_session_id_is_found_under_exactly_its_name(pairs: list[tuple[str, str]]) -> None:
    line = "; ".join(f"{name}={value}" for name, value in pairs).encode("latin-1")
    expected = [v for name, value in pairs if name == "JSESSIONID" and len(v := value.strip(" ")) == 43]
    expected = [value for value in expected if value in (ID, "B" * 43) or value.isalnum()]
    assert OWN.find_session_ids(head(line)) == expected[:4]


@given(line=st.binary(max_size=200))
def test_any_cookie_header_is_survived(line: bytes) -> None:
    found = OWN.find_session_id(head(line))
    assert found is None or (len(found) == 43 and f"JSESSIONID={found}".encode() in line)
    stripped = OWN.strip_own_cookies(line)
    assert stripped is None or b"JSESSIONID" not in {pair.partition(b"=")[0].strip() for pair in stripped.split(b";")}


@given(pairs=PAIRS)
def test_only_our_cookies_are_hidden_from_backends(pairs: list[tuple[str, str]]) -> None:
    ours = {"JSESSIONID", "ARBE", "gangwayLogin-12345678"}
    parts = [f"{name}={value}".encode("latin-1") for name, value in pairs]
    kept = [part for (name, _), part in zip(pairs, parts, strict=True) if name not in ours]
    stripped = OWN.strip_own_cookies(b"; ".join(parts)) or b""
    assert [pair.strip() for pair in stripped.split(b";") if pair.strip()] == [p.strip() for p in kept if p.strip()]


def test_a_header_without_our_cookies_is_passed_on_as_it_came() -> None:
    line = b'a=1;b="x, y";  c=d=e ; f'
    assert OWN.strip_own_cookies(line) is line


def test_nothing_is_left_when_all_cookies_are_ours() -> None:
    assert OWN.strip_own_cookies(b"JSESSIONID=x; locationAfterLogin=%2F;fragmentAfterLogin=") is None


def test_of_several_all_are_candidates_but_not_without_end() -> None:
    line = b"; ".join([b"JSESSIONID=" + bytes([65 + n]) * 43 for n in range(9)])
    assert len(OWN.find_session_ids(head(line, line))) == 4


def test_another_name_can_be_chosen() -> None:
    own = OwnCookies("my.session")
    assert own.find_session_id(head(f"my.session={ID}".encode())) == ID
    assert own.find_session_id(head(f"myxsession={ID}".encode())) is None


def test_ids_are_random_and_stored_as_digests() -> None:
    first, second = new_session_id(), new_session_id()
    assert first != second
    assert len(first) == 43
    assert len(session_key(first)) == 32
    assert session_key(first) != session_key(second)


def written(options: CookieOptions, request: RequestHead) -> str:
    return CookieWriter(options).session(request, ID)[1].decode()


def test_the_session_cookie_has_no_lifetime() -> None:
    assert written(CookieOptions(), head()) == f"JSESSIONID={ID}; Path=/; HttpOnly"


@pytest.mark.parametrize(
    ("secure", "request_head", "expected"),
    [
        (None, head(), False),
        (None, head(x_forwarded_proto="https,http"), True),
        (None, head(x_forwarded_proto="http"), False),
        (None, RequestHead("GET", "/", [], scheme="https"), True),
        (True, head(), True),
        (False, head(x_forwarded_proto="https"), False),
    ],
)
def test_secure_follows_the_public_scheme_unless_it_is_set(
    secure: bool | None, request_head: RequestHead, expected: bool
) -> None:
    assert ("; Secure" in written(CookieOptions(secure=secure), request_head)) is expected


def test_attributes_depend_on_the_agent() -> None:
    options = CookieOptions(same_site="None", partitioned_agents="^Mozilla.*Chrome", unpartitioned_agents="OldChrome")
    assert written(options, head(user_agent="Mozilla/5.0 Chrome/120")).endswith("; SameSite=None; Partitioned")
    for agent in ("curl/8", "Mozilla OldChrome/1"):
        assert written(options, head(user_agent=agent)).endswith("; SameSite=None")
    assert "Partitioned" not in written(options, head())


def test_agents_are_described_in_javascript() -> None:
    options = CookieOptions(partitioned_agents="^Chrome(?=/1)", unpartitioned_agents=r"(\w)\1")
    assert "Partitioned" in written(options, head(user_agent="Chrome/1"))
    for agent in ("Chrome/2", "Chrome/1 xx"):
        assert "Partitioned" not in written(options, head(user_agent=agent))


def test_login_marks_have_a_cookie_each() -> None:
    writer, mark = CookieWriter(CookieOptions()), new_session_id()
    cookies = [value.decode().partition(";")[0] for _, value in writer.login_mark(head(), mark)]
    assert cookies == [f"{mark_cookie(mark)}={mark}", "JSESSIONID=login"]
    request = head("; ".join(cookies).encode())
    assert OWN.find_login_marks(request) == [mark]
    assert OWN.find_session_ids(request) == []


def test_a_session_cookie_is_kept_when_a_login_begins() -> None:
    """The new login may fail, or belong to another kind of route: it ends no session before it has succeeded."""
    writer, session_id = CookieWriter(CookieOptions()), new_session_id()
    lines = [
        value.decode().partition(";")[0]
        for _, value in writer.login_mark(head(f"JSESSIONID={session_id}".encode()), "m" * 43)
    ]
    assert lines[1] == f"JSESSIONID={session_id}"
    for foreign in (b"JSESSIONID=s%3Aabc", b"JSESSIONID=", b"OTHER=" + session_id.encode()):
        assert writer.sticky(head(foreign))[1].startswith(b"JSESSIONID=login;")


def test_a_cleared_cookie_is_gone_in_any_browser() -> None:
    line = CookieWriter(CookieOptions()).clear(head(), "JSESSIONID")[1].decode()
    assert "Max-Age=0" in line
    assert "Expires=Thu, 01 Jan 1970 00:00:00 GMT" in line
