"""The browser's side of XSUAA: authorize, log in, stay logged in, log out."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.landscape.users import Tenant
from app.landscape.xsuaa_client import OAuthClient
from app.landscape.xsuaa_issue import TokenIssuer, new_login
from app.landscape.xsuaa_page import login_page, message_page
from app.landscape.xsuaa_state import AuthorizeRequest, Code, Login, XsuaaState

SESSION_COOKIE = "UAA-SESSION"


class LoginPages:
    """Decides what a browser gets. A session cookie is worth something in its own tenant only."""

    def __init__(
        self, state: XsuaaState, issuer: TokenIssuer, clients: Mapping[str, OAuthClient], secure: bool
    ) -> None:
        self._state = state
        self._issuer = issuer
        self._clients = clients
        self._secure = secure

    def authorize(self, tenant: Tenant, query: Mapping[str, str], session: str) -> Response:
        """`GET /oauth/authorize`: a code for who is logged in, else the login page.

        A client or redirect address that is not registered never gets the browser back.
        """
        client = self._clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None or tenant.subdomain not in client.zones:
            return _refused("No client with the requested id is known in this tenant.")
        if not client.may_redirect_to(redirect_uri):
            return _refused("The redirect_uri has an invalid domain.")
        request = _read(tenant, client, query)
        problem = _problem(query)
        if problem:
            return _back(request, error=problem)
        login = self._login(tenant, session) if query.get("prompt") != "login" else None
        if login:
            return self._code(request, login)
        if query.get("prompt") == "none":
            return _back(request, error="login_required")
        return HTMLResponse(login_page(tenant, self._state.requests.add(request)))

    def log_in(self, tenant: Tenant, form: Mapping[str, str]) -> tuple[Response, Login | None]:
        """`POST /login.do`: the user chosen on the login page; also returns who logged in, if somebody did."""
        name = form.get("request", "")
        request = self._state.requests.get(name)
        user = tenant.user(form.get("user", ""))
        if request is None or request.tenant != tenant:
            return _refused("This login has expired. Go back to the application and start again."), None
        if user is None or self._issuer.is_revoked(user):
            page = login_page(tenant, name, "Access of this user was revoked." if user else "This user is unknown.")
            return HTMLResponse(page, 403), None
        self._state.requests.take(name)
        login = new_login(tenant, user, request.origin)
        answer = self._code(request, login)
        answer.set_cookie(
            SESSION_COOKIE, self._state.sessions.add(login), httponly=True, samesite="lax", secure=self._secure
        )
        return answer, login

    def log_out(self, tenant: Tenant, query: Mapping[str, str], session: str) -> tuple[Response, Login | None]:
        """`GET /logout.do`: ends single sign-on; the browser goes on to a registered address only.

        Also returns who was logged in.
        """
        login = self._login(tenant, session)
        if login:
            self._state.sessions.take(session)
        client = self._clients.get(query.get("client_id", ""))
        target = query.get("redirect") or query.get("post_logout_redirect_uri") or ""
        answer: Response = HTMLResponse(message_page("Logged out", "You are logged out."))
        if client and client.may_redirect_to(target):
            answer = RedirectResponse(target, 302)
        answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=self._secure)
        return answer, login

    def _login(self, tenant: Tenant, session: str) -> Login | None:
        login = self._state.sessions.get(session)
        usable = login and login.tenant == tenant and not self._issuer.is_revoked(login.user)
        return login if usable else None

    def _code(self, request: AuthorizeRequest, login: Login) -> Response:
        return _back(request, code=self._state.codes.add(Code(request, login)))


def _read(tenant: Tenant, client: OAuthClient, query: Mapping[str, str]) -> AuthorizeRequest:
    return AuthorizeRequest(
        tenant=tenant,
        client_id=client.client_id,
        redirect_uri=query["redirect_uri"],
        state=query.get("state", ""),
        scope=query.get("scope", ""),
        nonce=query.get("nonce", ""),
        code_challenge=query.get("code_challenge", ""),
        code_challenge_method=query.get("code_challenge_method", "plain"),
        origin=query.get("idp", "").partition(",")[0],
    )


def _problem(query: Mapping[str, str]) -> str:
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if query.get("code_challenge_method", "plain") not in ("S256", "plain"):
        return "invalid_request"
    return ""


def _back(request: AuthorizeRequest, **parameters: str) -> Response:
    if request.state:
        parameters["state"] = request.state
    joint = "&" if urlsplit(request.redirect_uri).query else "?"
    return RedirectResponse(f"{request.redirect_uri}{joint}{urlencode(parameters)}", 302)


def _refused(message: str) -> Response:
    return HTMLResponse(message_page("This login cannot go on", message), 400)
