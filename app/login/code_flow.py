"""The way to the login: authorization code flow with state and PKCE (RFC 6749, 4.1; RFC 7636; RFC 9700)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus, urlencode

from app.answer import Answer, Headers, redirect
from app.bindings.credentials import XsuaaCredentials
from app.login.login_page import LoginPageOptions, login_page
from app.login.login_state import LoginStates
from app.login.return_url import safe_path, without_parameter
from app.login.tenant import TenantResolver
from app.principal import Tenant
from app.request_head import RequestHead
from app.sessions.cookie import LOCATION_COOKIE, CookieWriter, OwnCookies, new_session_id
from app.tokens.endpoints import browser_base_url

MAX_LOCATION_COOKIE = 3500
MAX_IDENTITY_PROVIDER = 255
SAP_IDP = "sap_idp"


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """`callback_path`: `login.callbackEndpoint`. `preserve_fragment`: `PRESERVE_FRAGMENT`. `pkce`: `PKCE_ENABLED`."""

    callback_path: str = "/login/callback"
    preserve_fragment: bool = True
    pkce: bool = True
    page: LoginPageOptions = field(default_factory=LoginPageOptions)


def identity_provider(head: RequestHead, configured: str, dynamic: bool) -> str:
    """The identity provider to log in with: what `sap_idp` of the query asks for where the route allows that
    (`dynamicIdentityProvider`), else the route's own.
    """
    if dynamic and SAP_IDP in head.query:
        for part in head.query.split("&"):
            name, _, value = part.partition("=")
            if name == SAP_IDP and value:
                return unquote_plus(value)[:MAX_IDENTITY_PROVIDER]
    return configured


class CodeFlow:
    """Starts logins."""

    def __init__(
        self,
        credentials: XsuaaCredentials,
        options: LoginOptions,
        states: LoginStates,
        tenants: TenantResolver,
        cookies: OwnCookies,
        writer: CookieWriter,
    ) -> None:
        self._credentials = credentials
        self._options = options
        self._states = states
        self._tenants = tenants
        self._cookies = cookies
        self._writer = writer

    def start(self, head: RequestHead, tenant: Tenant, idp: str = "") -> Answer:
        """The answer that sends a browser to the tenant's login and brings it back to what it asked for.

        Raises `HTTPS_REQUIRED` or `BAD_REQUEST` (host).
        """
        self._writer.check_scheme(head)
        location = safe_path(without_parameter(head.target, SAP_IDP))
        marks = self._cookies.find_login_marks(head)
        mark = marks[0] if marks else new_session_id()
        headers: Headers = () if marks else self._writer.login_mark(head, mark)
        login, state = self._states.begin(location, mark)
        address = self._authorize_url(head, tenant, idp, state, login.code_verifier)
        if self._options.preserve_fragment:
            attributes = self._writer.attributes(head)
            return login_page(address, state, attributes, self._options.page, headers)
        return redirect(address, (*headers, *self._location_cookie(head, location)))

    def redirect_uri(self, head: RequestHead) -> str:
        """Our callback as the browser sees it."""
        return self._tenants.public_origin(head) + self._options.callback_path

    def _location_cookie(self, head: RequestHead, location: str) -> Headers:
        value = quote(location, safe="")
        if len(value) > MAX_LOCATION_COOKIE:
            return ()
        return (self._writer.write(head, LOCATION_COOKIE, value),)

    def _authorize_url(self, head: RequestHead, tenant: Tenant, idp: str, state: str, code_verifier: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self._credentials.client_id,
            "redirect_uri": self.redirect_uri(head),
            "state": state,
        }
        if self._options.pkce:
            # Loaded with the first login, not at the start: it brings the whole of OAuth with it.
            from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

            query["code_challenge"] = create_s256_code_challenge(code_verifier)
            query["code_challenge_method"] = "S256"
        if idp:
            query["idp"] = idp
        return f"{browser_base_url(self._credentials, tenant)}/oauth/authorize?{urlencode(query)}"
