"""The way to the login: authorization code flow with state and PKCE (RFC 6749, 4.1; RFC 7636; RFC 9700)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, unquote, unquote_plus

from app.answer import Answer, Headers, redirect
from app.login.login_page import LoginPageOptions, login_page
from app.login.login_state import LoginState, LoginStates
from app.login.report_address import ReportOptions, report_address
from app.login.return_url import HOME, safe_fragment, safe_path, without_parameter
from app.login.tenant import TenantResolver
from app.principal import Tenant
from app.public_address import public_prefix
from app.request_head import RequestHead
from app.routing.route import AuthenticationType
from app.sessions.cookie import LOCATION_COOKIE, CookieWriter, OwnCookies, new_session_id
from app.tokens.identity_provider import IdentityProviders, LoginRequest, ReportAddress

MAX_LOCATION_COOKIE = 3500
MAX_IDENTITY_PROVIDER = 255
SAP_IDP = "sap_idp"
RETURN = "return"


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """`callback_path`: `login.callbackEndpoint`. `preserve_fragment`: `PRESERVE_FRAGMENT`. `pkce`: `PKCE_ENABLED`.

    `state_protection` (`stateProtection`, `STATE_PARAMETER_SECRET`): whether a login must have been started here, by
    the browser that finishes it. `reports`: None where nobody reports the ends of logins.
    """

    callback_path: str = "/login/callback"
    preserve_fragment: bool = True
    pkce: bool = True
    state_protection: bool = True
    page: LoginPageOptions = field(default_factory=LoginPageOptions)
    reports: ReportOptions | None = None


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


def asked_return(head: RequestHead) -> str:
    """Where the parameter `return` asks to come back to after the login: a path of this host, perhaps with a fragment;
    anything else is the home page.
    """
    for part in head.query.split("&"):
        name, _, value = part.partition("=")
        if name == RETURN:
            target, mark, fragment = unquote(value).partition("#")
            return _ours(safe_path(target), public_prefix(head)) + safe_fragment(mark + fragment)
    return HOME


def _ours(path: str, prefix: str) -> str:
    """An address that a page knows, as it comes in here."""
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


class CodeFlow:
    """Starts logins."""

    def __init__(
        self,
        providers: IdentityProviders,
        options: LoginOptions,
        states: LoginStates,
        tenants: TenantResolver,
        cookies: OwnCookies,
        writer: CookieWriter,
    ) -> None:
        self._providers = providers
        self._options = options
        self._states = states
        self._tenants = tenants
        self._cookies = cookies
        self._writer = writer

    async def start_from_script(self, head: RequestHead, tenant: Tenant) -> Answer:
        """The login that a page's script leads the browser to, in the preferred way; see `asked_return`."""
        return await self._start(head, tenant, self._providers.preferred, asked_return(head))

    async def start(self, head: RequestHead, tenant: Tenant, kind: AuthenticationType, idp: str = "") -> Answer:
        """The answer that sends a browser to the tenant's login and brings it back to what it asked for.

        Raises `BAD_REQUEST` (host), or like `IdentityProvider`.
        """
        return await self._start(head, tenant, kind, safe_path(without_parameter(head.target, SAP_IDP)), idp)

    async def _start(
        self, head: RequestHead, tenant: Tenant, kind: AuthenticationType, location: str, idp: str = ""
    ) -> Answer:
        marks = self._cookies.find_login_marks(head)
        mark = marks[0] if marks else new_session_id()
        headers: Headers = () if marks else self._writer.login_mark(head, mark)
        state, sealed = self._states.begin(location, mark, kind)
        login = self.login_request(head, tenant, state, idp)
        address = await self._providers.bound[kind].authorize_url(login, sealed)
        if self._options.preserve_fragment:
            attributes = self._writer.attributes(head)
            return login_page(address, sealed, attributes, self._options.page, headers)
        return redirect(address, (*headers, *self._location_cookie(head, location)))

    def login_request(self, head: RequestHead, tenant: Tenant, state: LoginState, idp: str = "") -> LoginRequest:
        """What a login asks of the authorization server, on the way there as on the way back."""
        query = self._providers.callback_query(state.kind)
        callback = self._tenants.public_origin(head) + public_prefix(head) + self._options.callback_path
        return LoginRequest(
            tenant,
            redirect_uri=f"{callback}?{query}" if query else callback,
            code_verifier=state.code_verifier if self._options.pkce else "",
            nonce=state.nonce,
            identity_provider=idp,
            reports=self._reports(head),
        )

    def _reports(self, head: RequestHead) -> ReportAddress | None:
        options = self._options.reports
        return report_address(head, self._tenants.public_host(head), options) if options is not None else None

    def _location_cookie(self, head: RequestHead, location: str) -> Headers:
        value = quote(location, safe="")
        if len(value) > MAX_LOCATION_COOKIE:
            return ()
        return (self._writer.write(head, LOCATION_COOKIE, value),)
