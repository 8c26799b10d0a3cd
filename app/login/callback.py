"""The way back from the login: the only place where a browser gets a session."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

from app.answer import Answer, Headers, redirect
from app.errors import Failure, GatewayError
from app.login.code_flow import CodeFlow, LoginOptions
from app.login.login_page import fragment_key
from app.login.login_state import LoginState, LoginStates
from app.login.return_url import safe_fragment, safe_path
from app.login.tenant import check_tenant
from app.observability.correlation import CORRELATION_NAMES, correlation_id
from app.principal import Tenant
from app.public_address import public_prefix
from app.request_head import RequestHead
from app.sessions.cookie import FRAGMENT_COOKIE, LOCATION_COOKIE, CookieWriter, OwnCookies, mark_cookie
from app.sessions.manager import SessionManager
from app.sessions.observer import End
from app.tokens.identity_provider import CALLBACK_KIND, IdentityProviders, Login, LoginRequest
from app.tokens.token_response import TokenRefused, sanitized

log = logging.getLogger("gangway.login")

MAX_QUERY = 16_384
MAX_PARAMETERS = 50

Query = Mapping[str, list[str]]


def failed(reason: str) -> GatewayError:
    """The error of a login that cannot be finished."""
    return GatewayError(Failure.LOGIN_FAILED, reason)


def _parameters(query: str) -> Query:
    try:
        return parse_qs(query, max_num_fields=MAX_PARAMETERS) if len(query) <= MAX_QUERY else {}
    except ValueError:  # more parameters than that
        return {}


class LoginCallback:
    """Answers the callback endpoint."""

    def __init__(
        self,
        providers: IdentityProviders,
        options: LoginOptions,
        flow: CodeFlow,
        states: LoginStates,
        sessions: SessionManager,
        cookies: OwnCookies,
        writer: CookieWriter,
    ) -> None:
        self._providers = providers
        self._options = options
        self._flow = flow
        self._states = states
        self._sessions = sessions
        self._cookies = cookies
        self._writer = writer

    def began_at(self, head: RequestHead) -> str:
        """The path and query where the login that comes back began, the home page where nothing tells."""
        state = self._states.read(_parameters(head.query).get("state", [""])[0])
        return (state.location if state is not None else "") or _remembered(head)

    async def answer(self, head: RequestHead, tenant: Tenant) -> Answer:
        """Exchange the code, open a session and return to where the login began.

        Raises `LOGIN_FAILED` for whatever was not started by this very browser or was used before;
        `TENANT_MISMATCH`, or like `IdentityProvider`.
        """
        query = _parameters(head.query)
        sealed = query.get("state", [""])[0]
        state = self._state(sealed, query.get(CALLBACK_KIND, [""])[0])
        before = await self._sessions.found(head)
        mark = state.mark_among(self._cookies.find_login_marks(head))
        if self._options.state_protection and (mark is None or self._states.is_late(state)):
            if mark is None and not before:
                raise failed("the login was started in another browser")
            # Another tab was faster: its session serves here too. Or it took too long: the login begins again, where
            # it did before. Either way the code is not redeemed.
            return redirect(self._return_address(head, state, sealed), self._cleared(head))
        login = await self._redeem(self._flow.login_request(head, tenant, state), query, state)
        _, session_id = await self._sessions.open(login)
        for session in before:
            await self._sessions.close(session, End.REPLACED)
        log.info("logged in", extra={"fields": _named(head, tenant)})
        gone = (self._writer.clear(head, mark_cookie(mark)),) if mark is not None else ()
        headers = (self._writer.session(head, session_id), *gone, *self._cleared(head))
        return redirect(self._return_address(head, state, sealed), headers)

    def _state(self, sealed: str, named: str) -> LoginState:
        """The state of the login that comes back, from the authorization server it was sent to: the one that the
        callback's address names, where it names one.
        """
        state = self._states.read(sealed)
        if state is None and not self._options.state_protection:
            kind = next((each for each in self._providers.bound if each == named), self._providers.preferred)
            state = LoginState("", "", "", 0, kind)
        if state is None or named not in ("", state.kind) or state.kind not in self._providers.bound:
            raise failed("the login was not started here")
        return state

    async def _redeem(self, request: LoginRequest, query: Query, state: LoginState) -> Login:
        code = query.get("code", [""])[0]
        if not code:
            raise failed(sanitized(query.get("error", ["there is no code"])[0]))
        try:
            login = await self._providers.redeem(state.kind, request, code)
        except TokenRefused as refusal:
            if refusal.is_about_our_client:
                raise
            raise failed(f"the authorization server refused the code ({refusal.error})") from None
        check_tenant(login.caller.tenant, request.tenant)
        return login

    def _return_address(self, head: RequestHead, state: LoginState, sealed: str) -> str:
        location = public_prefix(head) + (state.location or _remembered(head))
        key, _, fragment = head.cookies().get(FRAGMENT_COOKIE, "").partition(":")
        if key != fragment_key(sealed):
            return location
        return location.partition("#")[0] + safe_fragment(unquote(fragment))

    def _cleared(self, head: RequestHead) -> Headers:
        present = head.cookies()
        return tuple(self._writer.clear(head, name) for name in (LOCATION_COOKIE, FRAGMENT_COOKIE) if name in present)


def _named(head: RequestHead, tenant: Tenant) -> dict[str, str]:
    """What a line of the log says about a login: whose tenant it was, and which request, where that is known here."""
    fields = {"tenant_id": tenant.id, "tenant_subdomain": tenant.subdomain}
    if any(name in CORRELATION_NAMES for name in head.first):
        fields["correlation_id"] = correlation_id(head.headers)
    return fields


def _remembered(head: RequestHead) -> str:
    """Where a login began whose state could not carry the path; the home page where nothing tells."""
    return safe_path(unquote(head.cookies().get(LOCATION_COOKIE, "")))
