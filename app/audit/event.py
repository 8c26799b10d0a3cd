"""Security events, and which failures are some."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from app.errors import Failure, GatewayError
from app.principal import Caller, Tenant, UserCaller, UserPrincipal
from app.request_head import RequestHead
from app.sessions.observer import End


class Action(StrEnum):
    """What somebody did, or tried to do."""

    LOGIN = "login"
    LOGOUT = "logout"
    SESSION_END = "session end"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One event. `user`, `origin` (identity provider) and `ip` are personal data; `at` in epoch seconds.

    `failure` names the refusal, and is empty where what was tried succeeded.
    """

    action: Action
    failure: str = ""
    tenant: Tenant | None = None
    user: str = field(default="", repr=False)
    origin: str = ""
    ip: str = field(default="", repr=False)
    request: str = ""
    correlation_id: str = ""
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


LOGIN_FAILURES = frozenset({Failure.LOGIN_FAILED, Failure.TOKEN_REFUSED})
REFUSALS = frozenset(
    {
        Failure.SCOPE_MISSING,
        Failure.CSRF_REQUIRED,
        Failure.TENANT_MISMATCH,
        Failure.ORIGIN_REFUSED,
        Failure.PATH_REFUSED,
        Failure.DYNAMIC_DESTINATION_REFUSED,
    }
)


def refusal_event(
    error: GatewayError, head: RequestHead, tenant: Tenant | None, caller: Caller | None, correlation_id: str
) -> SecurityEvent | None:
    """The event that a failed request is; None where its failure is no matter of security."""
    action = _action(error.failure, head)
    if action is None:
        return None
    user = caller.principal if isinstance(caller, UserCaller) else None
    return SecurityEvent(
        action,
        error.failure.name,
        tenant,
        user.user_id if user is not None else "",
        user.origin if user is not None else "",
        client_address(head),
        f"{head.method} {head.path}",
        correlation_id,
    )


def _action(failure: Failure, head: RequestHead) -> Action | None:
    if failure in LOGIN_FAILURES or (failure is Failure.BASIC_REQUIRED and b"authorization" in head.first):
        return Action.LOGIN
    return Action.ACCESS if failure in REFUSALS else None


def client_address(head: RequestHead) -> str:
    """Where a request came from, as the platform's router tells: it appends to what the client may have invented."""
    told = head.header(b"x-forwarded-for")
    return told.rpartition(",")[2].strip() if told else head.client


def session_event(principal: UserPrincipal, ended: End | None) -> SecurityEvent:
    """The event of a session that began (None) or ended."""
    action = Action.LOGIN if ended is None else Action.LOGOUT if ended is End.LOGOUT else Action.SESSION_END
    return SecurityEvent(action, "", principal.tenant, principal.user_id, principal.origin)
