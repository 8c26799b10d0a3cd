"""Variables about who is calling: login, sessions, tokens, calls by other services."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.settings.json_variables import ExternalSessions
from app.settings.server_settings import VariableModel
from app.settings.values import Json, Positive, Switch, Text, Whole
from app.strict_model import fault

_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def _cookie_name(text: str) -> str:
    if not _COOKIE_NAME.fullmatch(text):
        raise fault("the name of a cookie: letters, digits, hyphens, underscores, without blanks")
    return text


CookieName = Annotated[str, AfterValidator(_cookie_name)]


class SessionSettings(VariableModel):
    """Login, sessions and tokens."""

    uaa_service_name: Text | None = None
    """Name of the xsuaa binding; by default the one tagged `xsuaa`."""
    session_timeout: Positive | None = None
    """Minutes without a request after which a session ends; goes before xs-app.json."""
    gateway_session_seconds: Switch = False
    """Whether answers to scripts say in `x-session-seconds` how long the session lives without further requests."""
    session_cookie_name: CookieName = "JSESSIONID"
    """Name of the session cookie; other names than the default end the platform's stickiness."""
    platform_cookie_name: CookieName = "__VCAP_ID__"
    """Name of the platform's stickiness cookie, which the identity service repeats when it reports a logout."""
    delete_stale_cookies: Switch = False
    """Whether stale session cookies are deleted by a redirect."""
    remove_clashing_backend_session_cookie: Switch = False
    """Whether backend cookies named like ours never reach the browser."""
    ext_session_mgt: Json[ExternalSessions] | None = None
    """Sessions kept in a store outside of the process."""
    jwt_refresh: Whole = 5
    """Minutes before its end at which a token is refreshed; 0 is never."""
    minimum_token_validity: Whole = 0
    """Seconds a token from the authorization service has to be valid for."""
    preserve_fragment: Switch = True
    """Whether logins keep the address's fragment, by an intermediate page."""
    state_parameter_secret: Text = Field(default="true", repr=False)
    """`false` switches the state parameter of logins off, and PKCE with it; anything else leaves it on."""
    state_cache: Whole = 60
    """Seconds in which a login has to be completed."""
    pkce_enabled: Switch = True
    """Whether logins use PKCE."""
    dynamic_identity_provider: Switch = False
    """Whether the query parameter `sap_idp` chooses the identity provider, on all routes."""
    enable_permanent_authtype: Switch = False
    """Without effect: the bindings decide about the kind of login, once and at start."""
    logout_with_token_hint: Switch = False
    """Whether the identity service is shown the user's token at the logout, instead of the tenant's id."""
    require_auth_for_unknown_routes: Switch = False
    """Whether addresses without a route ask for a login, if there is one, before they answer 404."""
    ias_private_key: Text | None = Field(default=None, repr=False)
    """Private key (PEM) of the identity binding's certificate; goes before the binding's own."""
    enable_forward_corporate_idp_token: Text | None = None
    """`true`, or subdomains for which the corporate identity provider's token is propagated."""
    enable_connectivity_token_exchange_ws: Switch = False
    """Whether web sockets to on-premise use an exchanged token."""
    gateway_principal_propagation: Literal["two-headers", "exchanged-token"] = "two-headers"
    """How users are propagated to on-premise systems (protocols 5.4, variant B or A)."""
    service_2_approuter: Switch = False
    """Whether sap-passport is forwarded unchanged; without effect here, it always is."""
    skip_service2approuter_apptid_check: Switch = False
    """Whether the subaccount of tokens from services is not compared; without effect here, it always is."""
    svc2ar_store_csrf_in_external_session: Switch = False
    """Whether services get CSRF protection by an external session."""
    svc2ar_direct_ext_session_id_usage: Switch = False
    """Whether external session ids need no signature."""
    svc2ar_external_session_id_secret: Text | None = Field(default=None, repr=False)
    """Secret of external session id signatures."""
    svc2ar_external_session_id_secret_alt: Text | None = Field(default=None, repr=False)
    """Second secret, for rotation."""
    svc2ar_external_session_cookie_enabled: Switch = False
    """Whether external sessions get a cookie for stickiness."""
    store_session_cookies_in_external_session_store: Switch = False
    """Whether backend cookies of services' calls are kept in the external store."""
    backend_cookies_secret: Text | None = Field(default=None, repr=False)
    """Secret that seals backend cookies in calls by services."""
    client_certificate_header_name: Text = "x-forwarded-client-cert"
    """Header with the client certificate in subscription callbacks."""

    @property
    def state_protection(self) -> bool:
        """Whether logins carry a state parameter."""
        return self.state_parameter_secret.lower() != "false"
