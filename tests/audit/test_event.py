"""Which failures are security events, and what is told of them."""

from __future__ import annotations

import json

import pytest

from app.audit.event import Action, SecurityEvent, client_address, refusal_event, session_event
from app.audit.message import MASK, console_fields, service_message
from app.errors import Failure, GatewayError
from app.principal import Tenant, UserCaller, UserPrincipal, UserToken
from app.request_head import RequestHead
from app.sessions.observer import End

PROVIDER = Tenant("provider-zone", "provider")
ACME = Tenant("acme-zone", "acme")
ANNA = UserPrincipal(ACME, "corporate", "anna")
CALLER = UserCaller(UserToken(ANNA, "value", frozenset(), 0))


def head(**headers: bytes) -> RequestHead:
    pairs = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return RequestHead("POST", "/orders?code=secret", pairs, "10.0.0.1")


@pytest.mark.parametrize(
    ("failure", "action"),
    [
        (Failure.SCOPE_MISSING, Action.ACCESS),
        (Failure.CSRF_REQUIRED, Action.ACCESS),
        (Failure.TENANT_MISMATCH, Action.ACCESS),
        (Failure.ORIGIN_REFUSED, Action.ACCESS),
        (Failure.PATH_REFUSED, Action.ACCESS),
        (Failure.DYNAMIC_DESTINATION_REFUSED, Action.ACCESS),
        (Failure.LOGIN_FAILED, Action.LOGIN),
        (Failure.TOKEN_REFUSED, Action.LOGIN),
    ],
)
def test_refusals_are_events(failure: Failure, action: Action) -> None:
    event = refusal_event(GatewayError(failure), head(), ACME, CALLER, "id-1")
    assert event is not None
    assert (event.action, event.failure, event.user, event.origin) == (action, failure.name, "anna", "corporate")
    assert event.request == "POST /orders"


@pytest.mark.parametrize(
    "failure", [Failure.NO_ROUTE, Failure.LOGIN_REQUIRED, Failure.BASIC_REQUIRED, Failure.BACKEND_TIMEOUT]
)
def test_other_failures_are_none(failure: Failure) -> None:
    assert refusal_event(GatewayError(failure), head(), ACME, CALLER, "id-1") is None


def test_a_wrong_password_is_a_failed_login() -> None:
    event = refusal_event(GatewayError(Failure.BASIC_REQUIRED), head(authorization=b"Basic x"), ACME, None, "id-1")
    assert event is not None
    assert (event.action, event.user) == (Action.LOGIN, "")


def test_the_address_is_what_the_router_appended() -> None:
    assert client_address(head(x_forwarded_for=b"6.6.6.6, 192.0.2.7")) == "192.0.2.7"
    assert client_address(head()) == "10.0.0.1"


def test_sessions_begin_and_end() -> None:
    assert session_event(ANNA, None).action is Action.LOGIN
    assert session_event(ANNA, End.LOGOUT).action is Action.LOGOUT
    assert session_event(ANNA, End.TIMEOUT).action is Action.SESSION_END


def test_what_the_service_gets() -> None:
    event = SecurityEvent(
        Action.ACCESS, "SCOPE_MISSING", ACME, "anna", "corporate", "192.0.2.7", "GET /x", "id-1", 0.0, "uuid-1"
    )
    message = service_message(event, PROVIDER)
    assert json.loads(message.pop("data")) == {
        "action": "access", "outcome": "failure", "failure": "SCOPE_MISSING", "request": "GET /x",
        "correlation_id": "id-1",
    }  # fmt: skip
    assert message == {
        "uuid": "uuid-1", "user": "anna", "time": "1970-01-01T00:00:00.000Z", "tenant": "$SUBSCRIBER",
        "ip": "192.0.2.7", "identityProvider": "corporate",
    }  # fmt: skip


@pytest.mark.parametrize("tenant", [PROVIDER, None, Tenant("", "")])
def test_what_belongs_to_no_subscriber_is_the_providers(tenant: Tenant | None) -> None:
    message = service_message(SecurityEvent(Action.ACCESS, tenant=tenant), PROVIDER)
    assert (message["tenant"], message["user"]) == ("$PROVIDER", "anonymous")


def test_a_message_stays_below_what_the_service_takes() -> None:
    long = "x" * 100_000
    event = SecurityEvent(Action.ACCESS, "F", ACME, long, long, long, long)
    assert len(json.dumps(service_message(event, PROVIDER))) < 10_000


def test_the_console_shows_no_personal_data() -> None:
    event = SecurityEvent(Action.LOGIN, "", ACME, "anna@example.com", "corporate", "192.0.2.7")
    fields = console_fields(event)
    assert (fields["user"], fields["ip"], fields["tenant_id"]) == (MASK, MASK, "acme-zone")
    shown = repr(event) + repr(fields)
    assert "anna" not in shown
    assert "192.0.2.7" not in shown
