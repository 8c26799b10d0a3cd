"""Request records."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.observability.access_log import MAX_TARGET, AccessLog, AccessLogSettings, Outcome
from app.observability.request_level import RequestLevel
from app.principal import ServiceCaller, ServicePrincipal, ServiceToken, Tenant, UserCaller, UserPrincipal, UserToken
from app.request_head import RequestHead

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
HEAD = RequestHead(
    "GET",
    "/odata/Books?$top=5",
    (
        (b"referer", b"https://app.example/page"),
        (b"x-forwarded-for", b"203.0.113.7"),
        (b"x-ssl-client-subject-cn", b"alice"),
        (b"authorization", b"Bearer " + JWT.encode()),
        (b"cookie", b"JSESSIONID=abc"),
        (b"content-length", b"12"),
    ),
    "10.0.0.9",
)
TENANT = Tenant("id", "acme")
OUTCOME = Outcome(200, 1769860800.0, 0.0625, "a-1")


def written(head: RequestHead, outcome: Outcome, settings: AccessLogSettings | None = None) -> dict[str, Any]:
    lines: list[str] = []
    log = AccessLog(settings or AccessLogSettings(), {"component_name": "shop"}, lines.append)
    log.write(head, outcome)
    (line,) = lines
    assert line.endswith("}\n")
    assert len(line.splitlines()) == 1
    pairs = json.loads(line, object_pairs_hook=list, parse_constant=pytest.fail)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def test_a_request_has_the_fields_of_the_platform() -> None:
    outcome = Outcome(
        201,
        1769860800.0,
        0.0625,
        "a-1",
        response_size=345,
        content_type=b"application/json",
        tenant_id="tenant",
        tenant_subdomain="acme",
        destination="erp",
    )
    line = written(HEAD, outcome)
    expected = {
        "type": "request",
        "logger": "gangway.access",
        "level": "info",
        "direction": "IN",
        "component_name": "shop",
        "correlation_id": "a-1",
        "request_id": "a-1",
        "method": "GET",
        "request": "/odata/Books?$top=5",
        "protocol": "HTTP/1.1",
        "response_status": 201,
        "response_time_ms": 62.5,
        "request_received_at": "2026-01-31T12:00:00.000Z",
        "response_sent_at": "2026-01-31T12:00:00.062Z",
        "request_size_b": 12,
        "response_size_b": 345,
        "response_content_type": "application/json",
        "tenant_id": "tenant",
        "tenant_subdomain": "acme",
        "destination": "erp",
    }
    assert {name: line[name] for name in expected} == expected


def test_unknown_is_a_dash_or_minus_one() -> None:
    line = written(RequestHead("GET", "/", ()), OUTCOME)
    assert (line["tenant_id"], line["response_content_type"], line["destination"]) == ("-", "-", "-")
    assert (line["request_size_b"], line["response_size_b"]) == (-1, -1)


def test_the_log_says_more_than_the_client_sees() -> None:
    error = GatewayError(Failure.SCOPE_MISSING, "a detail", advice="Do that.", logged="needs shop.read")
    line = written(HEAD, replace(OUTCOME, error=error))
    assert line["msg"] == "Forbidden at session: a detail; needs shop.read"
    assert (line["detail"], line["advice"]) == ("a detail; needs shop.read", "Do that.")


def test_personal_data_is_masked_by_default() -> None:
    line = written(HEAD, OUTCOME)
    masked = ("referer", "remote_user", "remote_ip", "remote_host", "remote_port", "x_forwarded_for", "x_custom_host")
    assert {line[name] for name in (*masked, "x_ssl_client_subject_cn")} == {"redacted"}


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (
            AccessLogSettings(sensitive_connection_data=True),
            {"x_forwarded_for": "203.0.113.7", "remote_ip": "10.0.0.9", "remote_port": "-", "x_custom_host": "-"},
        ),
        (AccessLogSettings(remote_user=True), {"remote_user": "alice"}),
        (AccessLogSettings(referer=True), {"referer": "https://app.example/page"}),
        (AccessLogSettings(ssl_headers=True), {"x_ssl_client_subject_cn": "alice", "x_ssl_client_verify": "-"}),
    ],
)
def test_each_setting_shows_its_fields_and_no_others(settings: AccessLogSettings, shown: dict[str, str]) -> None:
    outcome = replace(
        OUTCOME, caller=UserCaller(UserToken(UserPrincipal(TENANT, "ldap", "alice"), "t", frozenset(), 1))
    )
    line, masked = written(HEAD, outcome, settings), written(HEAD, outcome)
    assert {name: line[name] for name in shown} == shown
    assert line.keys() == masked.keys()
    assert {name for name in line if line[name] != masked[name]} >= set(shown)
    assert sum(line[name] == "redacted" for name in line) < sum(masked[name] == "redacted" for name in masked)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_names_hop_and_advice(failure: Failure) -> None:
    outcome = Outcome(failure.value.status, 1769860800.0, 30.0, "a-1", error=GatewayError(failure, "destination erp"))
    line = written(HEAD, outcome)
    assert (line["hop"], line["failure"], line["advice"]) == (failure.value.hop, failure.name, failure.value.advice)
    assert line["detail"] == "destination erp"
    assert line["msg"] == f"{failure.value.title} at {failure.value.hop}: destination erp"
    assert line["level"] == ("error" if failure.value.status >= 500 else "warn")


def test_secrets_do_not_get_into_a_line() -> None:
    referer = (b"referer", b"https://app.example/a;session-id=s3ssion/callback?code=c0de&state=st4te")
    head = RequestHead("GET", f"/login/callback?code=c0de&state=st4te&x={JWT}", (referer, *HEAD.headers))
    everything = AccessLogSettings(sensitive_connection_data=True, remote_user=True, referer=True, ssl_headers=True)
    outcome = Outcome(502, 0.0, 1.0, "a-1", error=GatewayError(Failure.XSUAA_REFUSED, f"Bearer {JWT}"))
    line = written(head, outcome, everything)
    assert line["referer"] == "https://app.example/a;session-id=redacted/callback?code=redacted&state=redacted"
    text = json.dumps(line)
    for secret in ("c0de", "st4te", "s3ssion", JWT, "JSESSIONID"):
        assert secret not in text


def test_long_addresses_are_cut() -> None:
    assert len(written(RequestHead("GET", "/" + "x" * 100_000, ()), OUTCOME)["request"]) == MAX_TARGET


@pytest.mark.parametrize(
    ("level", "plain", "refused", "failed"),
    [
        (logging.DEBUG, True, True, True),
        (logging.INFO, True, True, True),
        (logging.WARNING, False, True, True),
        (logging.ERROR, False, False, True),
        (logging.CRITICAL, False, False, False),
    ],
)
def test_the_level_decides_what_is_wanted(level: int, plain: bool, refused: bool, failed: bool) -> None:
    log = AccessLog(AccessLogSettings(RequestLevel(level)), {}, print)
    assert log.level(HEAD) == level
    assert log.wants(None, level) is plain
    assert log.wants(GatewayError(Failure.SCOPE_MISSING), level) is refused
    assert log.wants(GatewayError(Failure.BACKEND_TIMEOUT), level) is failed


def test_requests_tell_their_way_at_the_lowest_level_or_where_that_is_wanted() -> None:
    for traced, expected in ((False, [True, False]), (True, [True, True])):
        log = AccessLog(AccessLogSettings(traced=traced), {}, print)
        assert [log.traces(level) for level in (logging.DEBUG, logging.INFO)] == expected


def test_the_way_of_a_request_is_written_without_secrets() -> None:
    steps = ["0.10 route 0", f'0.20 Bearer {JWT} "quoted"']
    way = written(HEAD, replace(OUTCOME, way=steps))["way"]
    assert way == ["0.10 route 0", '0.20 Bearer redacted "quoted"']
    assert "way" not in written(HEAD, OUTCOME)


@given(
    st.text(),
    st.text(st.characters(max_codepoint=255)),
    st.text(),
    st.text(),
    st.sampled_from(Failure),
    st.binary(),
    st.booleans(),
)
def test_wild_requests_are_one_line_of_strict_json(
    method: str, target: str, text: str, detail: str, failure: Failure, value: bytes, shown: bool
) -> None:
    headers = ((b"referer", value), (b"x-forwarded-for", value), (b"content-length", value))
    head = RequestHead(method, "/" + target, headers, text)
    caller = ServiceCaller(ServiceToken(ServicePrincipal(TENANT, text), "t", frozenset(), 1))
    error = GatewayError(failure, detail)
    outcome = Outcome(200, 1769860800.0, 0.5, text, -1, value, text, text, caller, text, error)
    line = written(head, outcome, AccessLogSettings(sensitive_connection_data=shown, referer=shown, remote_user=shown))
    assert line["method"] == method
