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


def test_policies_for_many_tenants_are_kept_within_bounds() -> None:
    policy = ResponsePolicy()
    for number in range(3 * MAX_FRAMED):
        ancestors = b"frame-ancestors https://portal-%d.example" % number
        assert policy.framed_by(ancestors).missing_from(()) == ((CSP, ancestors), XFO)
        assert policy.framed_by(ancestors) is policy.framed_by(ancestors)
        assert len(policy._framed) <= MAX_FRAMED
