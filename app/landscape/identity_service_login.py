"""The browser's side of the identity service: authorize, log in, stay logged in, log out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.landscape.identity_service_client import IdentityClient
from app.landscape.identity_service_grants import tenant_for
from app.landscape.identity_service_state import IdentityCode, IdentitySession, IdentityState
from app.landscape.xsuaa_client import OAuthError
from app.landscape.xsuaa_page import login_page, message_page
from app.landscape.xsuaa_state import AuthorizeRequest, Login

SESSION_COOKIE = "IAS-SESSION"


class IdentityPages:
    """Decides what a browser gets."""

    def __init__(self, state: IdentityState, clients: Mapping[str, IdentityClient], secure: bool) -> None:
        self._state = state
        self._clients = clients
        self._secure = secure

    def authorize(self, query: Mapping[str, str], issuer: str, session_id: str) -> Response:
        """`GET /oauth2/authorize`: a code for who is logged in, else the login page."""
        client = self._clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None or not client.may_redirect_to(redirect_uri):
            return _refused("The application or its address is not registered.")
        try:
            request = _read(client, query)
        except OAuthError as error:
            return _refused(error.description)
        if not request.state or "openid" not in request.scope.split() or query.get("response_type") != "code":
            return _back(request, issuer, error="invalid_request")
        session = self._state.sessions.get(session_id) if query.get("prompt") != "login" else None
        if session is not None and request.tenant.user(session.login.user.email) is not None:
            return self._code(request, session, issuer)
        if query.get("prompt") == "none":
            return _back(request, issuer, error="login_required")
        return HTMLResponse(login_page(request.tenant, self._state.requests.add(request)))

    def log_in(self, form: Mapping[str, str], issuer: str) -> tuple[Response, IdentitySession | None]:
        """`POST /login.do`: the user chosen on the login page; also returns the session, if one began."""
        name = form.get("request", "")
        request = self._state.requests.get(name)
        user = request.tenant.user(form.get("user", "")) if request is not None else None
        if request is None or user is None:
            return _refused("This login has expired. Go back to the application and start again."), None
        self._state.requests.take(name)
        session = IdentitySession(Login(request.tenant, user, int(time.time()), request.origin or "local"))
        answer = self._code(request, session, issuer)
        session_id = self._state.sessions.add(session)
        answer.set_cookie(SESSION_COOKIE, session_id, httponly=True, samesite="lax", secure=self._secure)
        return answer, session

    def log_out(self, query: Mapping[str, str], session_id: str) -> tuple[Response, IdentitySession | None]:
        """`GET /oauth2/logout`: ends the session everywhere; the browser goes on to a registered address only.

        Also returns the session that has ended.
        """
        client = self._clients.get(query.get("client_id", ""))
        target = query.get("post_logout_redirect_uri", "")
        if target and (client is None or not client.may_return_to(target)):
            return _refused("The address to return to is not registered."), None
        if client is not None and len(client.zones) > 1 and not query.get("app_tid"):
            return _refused("The tenant (app_tid) is missing."), None
        session = self._state.sessions.take(session_id)
        answer: Response = HTMLResponse(message_page("Logged out", "You are logged out."))
        if target:
            answer = RedirectResponse(_with(target, {"state": query.get("state", "")}), 302)
        answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=self._secure)
        return answer, session

    def _code(self, request: AuthorizeRequest, session: IdentitySession, issuer: str) -> Response:
        session.clients[request.client_id] = request.tenant
        return _back(request, issuer, code=self._state.codes.add(IdentityCode(request, session)))


def _read(client: IdentityClient, query: Mapping[str, str]) -> AuthorizeRequest:
    return AuthorizeRequest(
        tenant=tenant_for(client, query.get("app_tid", "")),
        client_id=client.client_id,
        redirect_uri=query["redirect_uri"],
        state=query.get("state", ""),
        scope=query.get("scope", ""),
        nonce=query.get("nonce", ""),
        code_challenge=query.get("code_challenge", ""),
        code_challenge_method=query.get("code_challenge_method", "plain"),
        origin=query.get("idp", "").partition(",")[0],
    )


def _back(request: AuthorizeRequest, issuer: str, **parameters: str) -> Response:
    return RedirectResponse(_with(request.redirect_uri, parameters | {"state": request.state, "iss": issuer}), 302)


def _with(address: str, parameters: Mapping[str, str]) -> str:
    given = urlencode({name: value for name, value in parameters.items() if value})
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{given}" if given else address


def _refused(message: str) -> Response:
    return HTMLResponse(message_page("This cannot go on", message), 400)
