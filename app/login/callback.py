"""The way back from the login: the only place where a browser gets a session."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, unquote

from app.answer import Answer, Headers, redirect
from app.bindings.credentials import XsuaaCredentials
from app.errors import Failure, GatewayError
from app.login.code_flow import CodeFlow, LoginOptions
from app.login.login_page import fragment_key
from app.login.login_state import LoginState, LoginStates
from app.login.return_url import HOME, safe_fragment, safe_path
from app.login.tenant import check_tenant
from app.principal import Tenant, UserToken
from app.request_head import RequestHead
from app.sessions.cookie import FRAGMENT_COOKIE, LOCATION_COOKIE, CookieWriter, OwnCookies, mark_cookie
from app.sessions.manager import SessionManager
from app.tokens.grants import Grants
from app.tokens.token_response import TokenRefused, TokenResponse, sanitized
from app.tokens.verifier import Verifier

log = logging.getLogger("gangway.login")

MAX_QUERY = 16_384
MAX_PARAMETERS = 50


def failed(reason: str) -> GatewayError:
    """The error of a login that cannot be finished."""
    return GatewayError(Failure.LOGIN_FAILED, reason)


def _parameters(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query, max_num_fields=MAX_PARAMETERS) if len(query) <= MAX_QUERY else {}
    except ValueError:  # more parameters than that
        return {}


class LoginCallback:
    """Answers the callback endpoint."""

    def __init__(
        self,
        credentials: XsuaaCredentials,
        options: LoginOptions,
        flow: CodeFlow,
        states: LoginStates,
        grants: Grants,
        verifier: Verifier,
        sessions: SessionManager,
        cookies: OwnCookies,
        writer: CookieWriter,
    ) -> None:
        self._credentials = credentials
        self._options = options
        self._flow = flow
        self._states = states
        self._grants = grants
        self._verifier = verifier
        self._sessions = sessions
        self._cookies = cookies
        self._writer = writer

    async def answer(self, head: RequestHead, tenant: Tenant) -> Answer:
        """Exchange the code, open a session and return to where the login began.

        Raises `LOGIN_FAILED` for whatever was not started by this very browser, was used before or took too long;
        `XSUAA_UNAVAILABLE`, `XSUAA_REFUSED` or `TENANT_MISMATCH`.
        """
        query = _parameters(head.query)
        sealed = query.get("state", [""])[0]
        state = self._states.read(sealed)
        if state is None:
            raise failed("the login has taken too long, or was not started here")
        before = await self._sessions.current(head)
        mark = state.mark_among(self._cookies.find_login_marks(head))
        if mark is None:
            if before is None:
                raise failed("the login was started in another browser")
            # Another tab was faster: its session serves here too, and the code is not redeemed.
            return redirect(self._return_address(head, state, sealed), self._cleared(head))
        response = await self._redeem(head, tenant, query, state)
        token = await self._verified(response, tenant)
        if before is not None:
            await self._sessions.close(before)
        _, session_id = await self._sessions.open(token, response.refresh_token)
        log.info("logged in")
        gone = self._writer.clear(head, mark_cookie(mark))
        headers = (self._writer.session(head, session_id), gone, *self._cleared(head))
        return redirect(self._return_address(head, state, sealed), headers)

    async def _redeem(
        self, head: RequestHead, tenant: Tenant, query: dict[str, list[str]], state: LoginState
    ) -> TokenResponse:
        code = query.get("code", [""])[0]
        if not code:
            raise failed(sanitized(query.get("error", ["there is no code"])[0]))
        verifier = state.code_verifier if self._options.pkce else ""
        redirect_uri = self._flow.redirect_uri(head)
        try:
            return await self._grants.authorization_code(self._credentials, tenant, code, redirect_uri, verifier)
        except TokenRefused as refusal:
            if refusal.is_about_us:
                raise
            raise failed(f"the authorization server refused the code ({refusal.error})") from None

    async def _verified(self, response: TokenResponse, tenant: Tenant) -> UserToken:
        token = await self._verifier.verify_user(response.access_token)
        check_tenant(token.principal.tenant, tenant)
        return token

    def _return_address(self, head: RequestHead, state: LoginState, sealed: str) -> str:
        cookies = head.cookies()
        location = state.location or safe_path(unquote(cookies.get(LOCATION_COOKIE, "")))
        key, _, fragment = cookies.get(FRAGMENT_COOKIE, "").partition(":")
        if key != fragment_key(sealed):
            return location or HOME
        return (location or HOME).partition("#")[0] + safe_fragment(unquote(fragment))

    def _cleared(self, head: RequestHead) -> Headers:
        present = head.cookies()
        return tuple(self._writer.clear(head, name) for name in (LOCATION_COOKIE, FRAGMENT_COOKIE) if name in present)
