"""Fuzz target: everything that decides about a request from its head. Only the documented refusals are ever raised, and
what passes is safe: no line breaks in outgoing heads, no identity header of the client.
"""

import sys

import atheris

with atheris.instrument_imports():
    from app.backends.backend import Backend
    from app.errors import GatewayError
    from app.forwarding.headers import IDENTITY
    from app.forwarding.outbound_request import Outbound, build_head
    from app.guards.origins import parse_origin
    from app.inbound.request_check import Rejected, check_headers, origin_form
    from app.observability.correlation import correlation_id
    from app.request_head import RequestHead
    from app.routing.path_safety import refuse_unsafe_path
    from app.sessions.cookie import OwnCookies
    from app.transport.pool_key import DirectKey

BACKEND = Backend(
    "fuzzed", DirectKey("127.0.0.1", 1), authority=b"backend.example", credentials=((b"authorization", b"x"),)
)
COOKIES = OwnCookies()


def one_input(data: bytes) -> None:
    """Called by the fuzzer: lines of a head, as llhttp hands them over (no CR, LF or NUL inside)."""
    lines = data.replace(b"\r", b"").replace(b"\0", b"").split(b"\n")
    headers = [(name.lower(), value) for name, _, value in (line.partition(b":") for line in lines[1:]) if name]
    try:
        target = origin_form(lines[0], headers)
        check_headers(b"GET", "1.1", headers)
        head = RequestHead("GET", target.decode("latin-1"), headers, "127.0.0.1")
        refuse_unsafe_path(head.path)
        cookie = COOKIES.strip_own_cookies(head.first.get(b"cookie", b"")) or b""
        COOKIES.find_session_ids(head)
        parse_origin(head.header(b"origin") or "")
        assert correlation_id(head.headers).isascii()
        built = build_head(head, head.target, BACKEND, Outbound(cookie=cookie))
    except (Rejected, GatewayError):
        return
    names = [line.partition(b":")[0] for line in built.split(b"\r\n")[1:-2]]
    assert b"\n" not in built.replace(b"\r\n", b"")
    assert names.count(b"host") == 1
    assert not IDENTITY.intersection(names)


atheris.Setup(sys.argv, one_input)
atheris.Fuzz()
