"""What of the configuration the way of a request needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.audit.trail import AuditTrail
from app.error_answer import ErrorPolicy
from app.guards.cors import CorsRule
from app.guards.origins import OriginRule
from app.login.logout import BackendLogout, LogoutOptions
from app.own_endpoints import OwnEndpoints
from app.response_headers import ResponsePolicy
from app.subscriptions.callbacks import SubscriptionCallbacks
from app.trusted_domains import TrustedDomains


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What of the configuration the way itself needs. `own_logouts` are calls that the end of a session wants because
    it came by here, beyond those that it always wants.
    """

    welcome_file: str | None = None
    logout: LogoutOptions | None = None
    app_ends_login: bool = False
    websockets: bool = False
    websocket_origins: tuple[OriginRule, ...] | None = None
    https_only: bool = False
    validate_forwarded_host: bool = False
    cors: tuple[CorsRule, ...] = ()
    own_endpoints: OwnEndpoints = field(default_factory=OwnEndpoints)
    own_logouts: tuple[BackendLogout, ...] = ()
    subscriptions: SubscriptionCallbacks | None = None
    audit: AuditTrail | None = None
    trusted_domains: TrustedDomains | None = None
    errors: ErrorPolicy = field(default_factory=ErrorPolicy)
    response_headers: ResponsePolicy = field(default_factory=ResponsePolicy)
