"""What the identity service remembers between calls: logins under way, codes, refresh tokens, sessions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from app.landscape.users import Tenant
from app.landscape.xsuaa_state import AuthorizeRequest, Login, Store

LOGIN_SECONDS = 600
CODE_SECONDS = 120
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class IdentitySession:
    """A person who is logged in: the session's id (`sid`), and the clients that took part in it, with their tenants.

    `report_headers` are headers that clients want to see again when they are told of the session's end.
    """

    login: Login
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    clients: dict[str, Tenant] = field(default_factory=dict, hash=False)
    report_headers: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class IdentityCode:
    """An authorization code: which request it answers, and in which session."""

    request: AuthorizeRequest
    session: IdentitySession


@dataclass(frozen=True, slots=True)
class IdentityRefresh:
    """A refresh token: of single use."""

    client_id: str
    tenant: Tenant
    session: IdentitySession


class IdentityState:
    """All of it."""

    def __init__(self) -> None:
        self.requests: Store[AuthorizeRequest] = Store(LOGIN_SECONDS)
        self.codes: Store[IdentityCode] = Store(CODE_SECONDS)
        self.refresh_tokens: Store[IdentityRefresh] = Store(0)
        self.opaque_tokens: Store[str] = Store(3600)
        self.sessions: Store[IdentitySession] = Store(SESSION_SECONDS)
