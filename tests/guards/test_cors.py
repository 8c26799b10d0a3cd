"""Cross-origin requests: whom the policies let in, and what answers then say."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.answer import Headers
from app.guards.cors import CorsRule, Ruling, Verdict, ruled, ruling
from app.request_head import RequestHead
from app.routing.descriptor_cors import CorsPolicy

GOOD = "https://good.example"
VARIES = (b"vary", b"Origin")


def rule(**policy: Any) -> CorsRule:
    given = {"uriPattern": "^/api/", "allowedOrigin": [{"host": "good.example"}], **policy}
    return CorsRule.prepare(CorsPolicy.model_validate(given))


def request(
    origin: str | None = GOOD, method: str = "GET", target: str = "/api/x", host: str = "gw.example", **headers: str
) -> RequestHead:
    named = {"host": host, **({"origin": origin} if origin is not None else {}), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
    return RequestHead(method, target, pairs)


def preflight(origin: str = GOOD, method: str = "GET", names: str = "", **rest: str) -> RequestHead:
    asked = {"access_control_request_headers": names} if names else {}
    return request(origin, "OPTIONS", access_control_request_method=method, **asked, **rest)


def allowed_origin(result: Ruling) -> str | None:
    value = dict(result.headers).get(b"access-control-allow-origin")
    return None if value is None else value.decode()


def test_an_allowed_origin_is_named_exactly_and_gets_credentials() -> None:
    assert ruling([rule(exposeHeaders=["X-One", "X-Two"])], request()) == Ruling(
        Verdict.PASS,
        (
            (b"access-control-allow-origin", b"https://good.example"),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", b"X-One, X-Two"),
            VARIES,
        ),
    )
    assert b"access-control-allow-credentials" not in dict(ruling([rule(allowedCredentials=False)], request()).headers)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://evil-good.example",
        "https://good.example.evil.example",
        "https://sub.good.example",
        "https://good.example@evil.example",
        "https://good.example/",
        "https://good.example https://evil.example",
        "https://good\t.example",
        "file://good.example",
        "good.example",
        "",
    ],
)
def test_any_other_origin_is_refused_and_never_named(origin: str) -> None:
    assert ruling([rule()], request(origin)) == Ruling(Verdict.REFUSE, (VARIES,))
    assert ruling([rule()], preflight(origin)) == Ruling(Verdict.REFUSE, (VARIES,))


def test_a_request_without_an_origin_passes_and_varies() -> None:
    assert ruling([rule()], request(None)) == Ruling(Verdict.PASS, (VARIES,))


@pytest.mark.parametrize("headers", [{}, {"x_forwarded_host": "front.example"}])
def test_our_own_pages_pass_as_if_there_were_no_policy(headers: dict[str, str]) -> None:
    own = "https://" + headers.get("x_forwarded_host", "gw.example")
    assert ruling([rule()], request(own, method="PATCH", **headers)) == Ruling(Verdict.PASS, (VARIES,))


@pytest.mark.parametrize(
    ("allowed", "origin", "passes"),
    [
        ({"host": "*.good.example"}, "https://a.b.good.example", True),
        ({"host": "*.good.example"}, "https://good.example", False),
        ({"host": "*.good.example"}, "https://evilgood.example", False),
        ({"host": "good.example", "protocol": "https"}, "http://good.example", False),
        ({"host": "good.example", "protocol": "*", "port": "*"}, "http://good.example:81", True),
        ({"host": "good.example", "port": 8443}, "https://good.example:8443", True),
        ({"host": "good.example", "port": "8443"}, "https://good.example", False),
        ({"host": "good.example", "port": 443}, "https://good.example", True),
        ({"host": "GOOD.example"}, "https://Good.Example", True),
    ],
)
def test_host_protocol_and_port_are_compared_where_they_are_given(
    allowed: dict[str, object], origin: str, passes: bool
) -> None:
    result = ruling([rule(allowedOrigin=[allowed])], request(origin))
    assert allowed_origin(result) == (origin if passes else None)
    assert result.verdict is (Verdict.PASS if passes else Verdict.REFUSE)


def test_an_origin_that_is_allowed_because_everybody_is_gets_no_credentials() -> None:
    open_rule = rule(allowedOrigin=[{"host": "*"}, {"host": "good.example"}])
    assert ruling([open_rule], request("https://any.example")).headers == (
        (b"access-control-allow-origin", b"https://any.example"),
        VARIES,
    )
    assert ruling([open_rule], request("null")).verdict is Verdict.REFUSE
    assert (b"access-control-allow-credentials", b"true") in ruling([open_rule], request()).headers


def test_a_preflight_is_granted_what_it_asks_for() -> None:
    policy = rule(allowedMethods=["GET", "PUT"], allowedHeaders=["X-Custom", "Content-Type"], maxAge=120)
    assert ruling([policy], preflight(method="PUT", names="x-custom,content-TYPE")) == Ruling(
        Verdict.ANSWER,
        (
            (b"access-control-allow-origin", b"https://good.example"),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-methods", b"PUT"),
            (b"access-control-allow-headers", b"X-Custom, Content-Type"),
            (b"access-control-max-age", b"120"),
            VARIES,
        ),
    )
    assert ruling([policy], preflight(method="DELETE")).verdict is Verdict.REFUSE
    assert ruling([policy], preflight(method="put")).verdict is Verdict.REFUSE
    assert ruling([policy], preflight(names="X-Custom, X-Other")).verdict is Verdict.REFUSE


def test_defaults_are_those_of_the_reference() -> None:
    granted = dict(ruling([rule()], preflight(names="Content-Type, X-Requested-With")).headers)
    assert granted[b"access-control-max-age"] == b"1800"
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        assert ruling([rule()], preflight(method=method)).verdict is Verdict.ANSWER
    assert ruling([rule()], preflight(method="PUT")).verdict is Verdict.REFUSE


def test_a_negative_age_leaves_the_header_out() -> None:
    assert b"access-control-max-age" not in dict(ruling([rule(maxAge=-1)], preflight()).headers)


def test_a_method_that_is_not_allowed_is_refused_without_a_preflight_too() -> None:
    assert ruling([rule()], request(method="DELETE")).verdict is Verdict.REFUSE
    assert ruling([rule()], request(method="OPTIONS")).verdict is Verdict.PASS


def test_the_first_policy_for_an_address_decides_alone() -> None:
    rules = [rule(allowedOrigin=[{"host": "a.example"}]), rule(allowedOrigin=[{"host": "b.example"}])]
    assert allowed_origin(ruling(rules, request("https://a.example"))) == "https://a.example"
    assert ruling(rules, request("https://b.example")).verdict is Verdict.REFUSE


def test_an_address_without_a_policy_is_left_to_its_backend() -> None:
    assert ruling([rule()], request(target="/other?/api/")) == Ruling()
    assert ruling([rule(uriPattern="^/api/x$")], request(target="/api/x?a=1")).headers != ()


@pytest.mark.parametrize(
    ("pattern", "host", "governs"),
    [
        (r"^app\.example$", "app.example", True),
        (r"^app\.example$", "app.example:8080", True),
        (r"^app\.example:8080$", "app.example:8080", True),
        (r"^app\.example:8080$", "app.example", False),
        (r"^app\.example$", "other.example", False),
    ],
)
def test_a_host_pattern_sees_the_host_with_its_port_and_without(pattern: str, host: str, governs: bool) -> None:
    rules = [rule(hostPattern=pattern)]
    assert (ruling(rules, request(host=host)).headers != ()) is governs
    assert (ruling(rules, request(x_forwarded_host=host)).headers != ()) is governs


def test_a_ruling_replaces_what_a_backend_says_about_origins() -> None:
    backend = [(b"access-control-allow-origin", b"*"), (b"Access", b"x"), (b"vary", b"Accept"), (b"x-one", b"1")]
    granted: Headers = ((b"access-control-allow-origin", b"https://good.example"), VARIES)
    assert ruled(backend, granted) == [
        (b"Access", b"x"),
        (b"vary", b"Accept, Origin"),
        (b"x-one", b"1"),
        (b"access-control-allow-origin", b"https://good.example"),
    ]
    assert ruled(backend, (VARIES,)) == [(b"Access", b"x"), (b"vary", b"Accept, Origin"), (b"x-one", b"1")]
    assert ruled(backend, ()) == backend


HOSTS = st.text(string.ascii_lowercase + string.digits + ".-@/:\\#?% \x00", max_size=12)


@given(HOSTS, HOSTS)
@example("", ".good.example")
@example("x.good.example:1@", "")
@example("evil.example/.", ".good.example")
def test_whoever_gets_in_is_a_host_below_the_domain(before: str, after: str) -> None:
    origin = f"https://{before}.good.example{after}"
    result = ruling([rule(allowedOrigin=[{"host": "*.good.example"}])], request(origin))
    named = allowed_origin(result)
    if named is not None:
        host, _, port = named.removeprefix("https://").partition(":")
        assert named == origin
        assert host.endswith(".good.example")
        assert set(host) <= set(string.ascii_lowercase + string.digits + ".-_")
        assert port == "" or port.isdecimal()


@given(st.text(string.printable, max_size=40))
@example("null")
def test_no_origin_at_all_gets_in_without_being_listed(origin: str) -> None:
    result = ruling([rule(allowedOrigin=[{"host": "nobody.example"}])], request(origin))
    assert allowed_origin(result) is None or origin.lower().split("://")[1].split(":")[0] == "nobody.example"
