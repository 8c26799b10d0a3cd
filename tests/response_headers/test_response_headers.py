"""Configured headers of answers."""

from __future__ import annotations

import pytest

from app.response_headers import MAX_FRAMED, ResponsePolicy

CSP = b"content-security-policy"


def test_frames_are_limited_by_default() -> None:
    assert ResponsePolicy().missing_from(()) == ((b"x-frame-options", b"SAMEORIGIN"),)
    assert ResponsePolicy.prepare() == ResponsePolicy()


def test_the_default_can_be_switched_off_or_replaced() -> None:
    assert ResponsePolicy.prepare(send_x_frame_options=False).missing_from(()) == ()
    for send_default in (True, False):
        policy = ResponsePolicy.prepare([("X-Frame-Options", "DENY")], send_x_frame_options=send_default)
        assert policy.missing_from(()) == ((b"x-frame-options", b"DENY"),)


def test_xs_app_json_wins_over_the_environment_whatever_the_case() -> None:
    policy = ResponsePolicy.prepare(
        [("X-Both", "env"), ("X-Env", "env")], [("x-BOTH", "file"), ("X-File", "file")], send_x_frame_options=False
    )
    assert dict(policy.missing_from(())) == {b"x-both": b"file", b"x-env": b"env", b"x-file": b"file"}


def test_a_header_that_is_configured_twice_is_sent_twice() -> None:
    twice = [("Link", "a"), ("X-Other", "1"), ("link", "b")]
    sent = ((b"link", b"a"), (b"x-other", b"1"), (b"link", b"b"))
    assert ResponsePolicy.prepare(twice, send_x_frame_options=False).missing_from(()) == sent
    assert ResponsePolicy.prepare([], twice, send_x_frame_options=False).missing_from(()) == sent
    assert ResponsePolicy.prepare([], twice, send_x_frame_options=False).missing_from([(b"link", b"own")]) == sent[1:2]


def test_xs_app_json_replaces_all_headers_of_a_name_in_the_environment() -> None:
    environment = [("Link", "e1"), ("X-Env", "e"), ("LINK", "e2")]
    for file in ([("link", "f1")], [("link", "f1"), ("Link", "f2")]):
        policy = ResponsePolicy.prepare(environment, file, send_x_frame_options=False)
        assert policy.missing_from(()) == ((b"x-env", b"e"), *((b"link", value.encode()) for _, value in file))


def test_an_answer_keeps_what_it_brings() -> None:
    policy = ResponsePolicy.prepare([("X-Own", "configured"), ("X-Other", "configured")])
    sent = [(b"x-frame-options", b"DENY"), (b"x-own", b"backend"), (b"content-type", b"text/plain")]
    assert policy.missing_from(sent) == ((b"x-other", b"configured"),)


def test_two_security_policies_stand_side_by_side_only_when_asked() -> None:
    configured = [("Content-Security-Policy", "default-src https:")]
    backend = [(CSP, b"default-src 'self'")]
    alone = ResponsePolicy.prepare(configured, send_x_frame_options=False)
    merged = ResponsePolicy.prepare(configured, send_x_frame_options=False, merge_csp=True)
    assert alone.missing_from(backend) == ()
    assert merged.missing_from(backend) == ((CSP, b"default-src https:"),)
    assert alone.missing_from(()) == merged.missing_from(()) == ((CSP, b"default-src https:"),)


ANCESTORS = b"frame-ancestors https://portal.example"
XFO = (b"x-frame-options", b"SAMEORIGIN")


def test_a_directive_about_frames_takes_the_place_of_the_configured_one_and_leaves_the_others() -> None:
    assert ResponsePolicy().framed_by(b"") == ResponsePolicy()
    assert ResponsePolicy().framed_by(ANCESTORS).missing_from(()) == ((CSP, ANCESTORS), XFO)
    configured = [("Content-Security-Policy", "default-src https: ;Frame-Ancestors 'none';; img-src *")]
    for merge in (False, True):
        framed = ResponsePolicy.prepare(configured, merge_csp=merge).framed_by(ANCESTORS)
        assert dict(framed.missing_from(()))[CSP] == b"default-src https:; img-src *; " + ANCESTORS


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("a 1, frame-ancestors x", b"a 1, " + ANCESTORS),
        ("frame-ancestors x; b 1, c 1", b"b 1, c 1; " + ANCESTORS),
        ("frame-ancestors x, c 1", b"c 1; " + ANCESTORS),
        ("frame-ancestors-not x", b"frame-ancestors-not x; " + ANCESTORS),
        ("frame-ancestors", ANCESTORS),
        ("", ANCESTORS),
        (";,;", ANCESTORS),
    ],
)
def test_policies_of_any_shape_get_the_directive(configured: str, sent: bytes) -> None:
    policy = ResponsePolicy.prepare([("Content-Security-Policy", configured)]).framed_by(ANCESTORS)
    assert dict(policy.missing_from(()))[CSP] == sent


def test_a_backends_policy_stays_as_it_is_and_gets_ours_beside_it_only_when_asked() -> None:
    backend = [(CSP, b"default-src 'self'")]
    assert ResponsePolicy().framed_by(ANCESTORS).missing_from(backend) == (XFO,)
    merged = ResponsePolicy.prepare(merge_csp=True).framed_by(ANCESTORS)
    assert merged.missing_from(backend) == ((CSP, ANCESTORS), XFO)


def test_pages_of_our_own_keep_their_policy_and_learn_who_may_frame_them() -> None:
    page = ((CSP, b"default-src 'none'"), (b"x-own", b"1"))
    strict = [("Content-Security-Policy", "script-src 'none'; frame-ancestors https://portal.example")]
    for merge in (False, True):
        policy = ResponsePolicy.prepare(strict, merge_csp=merge)
        framed = (CSP, b"default-src 'none'; " + ANCESTORS)
        assert policy.completed(page) == (framed, (b"x-own", b"1"), XFO)
    assert ResponsePolicy().completed(page) == (*page, XFO)
    assert ResponsePolicy().framed_by(ANCESTORS).completed(()) == ((CSP, ANCESTORS), XFO)


TWO = [
    ("Content-Security-Policy", "img-src *; frame-ancestors https://a; frame-ancestors https://b"),
    ("Content-Security-Policy", "frame-ancestors https://c"),
]


def test_trusted_domains_stand_in_each_of_two_configured_policies() -> None:
    framed = ResponsePolicy.prepare((), TWO).framed_by(ANCESTORS)
    assert framed.missing_from(()) == (XFO, (CSP, b"img-src *; " + ANCESTORS), (CSP, ANCESTORS))
    assert framed.completed(((CSP, b"default-src 'none'"),)) == ((CSP, b"default-src 'none'; " + ANCESTORS), XFO)


def test_pages_of_our_own_obey_what_two_configured_policies_say_about_frames() -> None:
    page = ((CSP, b"default-src 'none'"), (b"x-own", b"1"))
    for merge in (False, True):
        assert ResponsePolicy.prepare((), TWO, merge_csp=merge).completed(page) == (
            (CSP, b"default-src 'none'; frame-ancestors https://a"),
            (b"x-own", b"1"),
            (CSP, b"frame-ancestors https://c"),
            XFO,
        )


def test_policies_for_many_tenants_are_kept_within_bounds() -> None:
    policy = ResponsePolicy()
    for number in range(3 * MAX_FRAMED):
        ancestors = b"frame-ancestors https://portal-%d.example" % number
        assert policy.framed_by(ancestors).missing_from(()) == ((CSP, ancestors), XFO)
        assert policy.framed_by(ancestors) is policy.framed_by(ancestors)
        assert len(policy._framed) <= MAX_FRAMED
