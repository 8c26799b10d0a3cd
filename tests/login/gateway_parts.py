"""The identity parts of a gateway put together, with a browser that keeps cookies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.answer import Answer
from app.clients import PlatformClients
from app.guards.derived_csrf import DerivedCsrfTokens
from app.login.basic import PasswordLogin
from app.login.callback import LoginCallback
from app.login.caller import Callers
from app.login.code_flow import CodeFlow, LoginOptions
from app.login.login_state import LoginStates
from app.login.logout import BackendLogout, Logout, LogoutOptions
from app.login.shown_tokens import ShownTokens
from app.login.tenant import TenantOptions, TenantResolver
from app.login.weak_token import WeakTokens
from app.request_head import RequestHead
from app.routing.route import AuthenticationType
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.cookie import CookieOptions, CookieWriter, OwnCookies
from app.sessions.manager import SessionManager
from app.sessions.memory_store import MemorySessionStore
from app.sessions.refresh import TokenRefresher
from app.sessions.session import Session
from app.sessions.store import Lifetime
from app.sign_in import Identity, SignIn
from app.tokens.grants import Grants
from app.tokens.identity_provider import IdentityProviders
from app.tokens.jwks import KeyStore
from app.tokens.token_cache import TokenCache
from app.tokens.verifier import Verifier
from app.tokens.xsuaa_provider import XsuaaProvider
from tests.sessions.store_contract import Clock
from tests.tokens.token_server import TokenServer

HOST = "app.example"


@dataclass
class Browser:
    """Sends its cookies, keeps those of answers."""

    host: str = HOST
    jar: dict[str, str] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def head(self, target: str, method: str = "GET", **headers: str) -> RequestHead:
        line = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        own = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        cookies = [(b"cookie", line.encode())] if line else []
        return RequestHead(method, target, [(b"host", self.host.encode()), *cookies, *self.headers, *own])

    def keep(self, answer: Answer) -> Answer:
        for name, value in answer.headers:
            if name == b"set-cookie":
                cookie, _, attributes = value.decode().partition(";")
                key, _, content = cookie.partition("=")
                if "Max-Age=0" in attributes:
                    self.jar.pop(key, None)
                else:
                    self.jar[key] = content
        return answer


def header(answer: Answer, name: bytes) -> str:
    """The first value of a header."""
    return next((value.decode() for key, value in answer.headers if key == name), "")


def authorize_address(answer: Answer) -> str:
    """The address of the authorization server that an answer leads to."""
    if answer.status == 302:
        return header(answer, b"location")
    match = re.search(r'location\.replace\("([^"]+)"\)', answer.body.decode())
    assert match
    return match[1]


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


XSUAA = AuthenticationType.XSUAA


class Parts:
    """Everything a gateway would compose; `binding` entries and options as keywords. `kinds` are those of the servers
    that are bound, the preferred one last; one server plays all of them.
    """

    def __init__(
        self,
        server: TokenServer,
        options: LoginOptions | None = None,
        cookie_options: CookieOptions | None = None,
        tenant_options: TenantOptions | None = None,
        logout_options: LogoutOptions | None = None,
        state_secret: str = "",
        kinds: tuple[AuthenticationType, ...] = (XSUAA,),
        **binding: Any,
    ) -> None:
        credentials = server.binding(**binding)
        options = options or LoginOptions(preserve_fragment=False)
        self.clock = Clock()
        self.clients = PlatformClients(timeout=5)
        grants = Grants(self.clients)
        keys = KeyStore(self.clients, credentials.verificationkey)
        verifier = Verifier(credentials, keys)
        xsuaa = XsuaaProvider(credentials, grants, verifier, keys)
        providers = IdentityProviders(dict.fromkeys(kinds, xsuaa), kinds[-1])
        cookies, writer = OwnCookies(), CookieWriter(cookie_options or CookieOptions())
        self.tenants = TenantResolver(tenant_options or TenantOptions(), credentials)
        self.store = MemorySessionStore(Lifetime())
        self.refresher = TokenRefresher(providers.renew, self.store)
        self.sessions = SessionManager(self.store, cookies, self.refresher)
        states = LoginStates(state_secret, clock=self.clock)
        self.flow = CodeFlow(providers, options, states, self.tenants, cookies, writer)
        self.callback = LoginCallback(providers, options, self.flow, states, self.sessions, cookies, writer)
        passwords = PasswordLogin(credentials, grants, verifier)
        tokens = TokenCache(grants)
        weak_tokens = WeakTokens(verifier, lambda weak: tokens.exchanged(credentials, weak))
        carried = CarriedCookies("", writer)
        self.callers = Callers(
            self.sessions, ShownTokens(verifier), passwords, weak_tokens, carried, DerivedCsrfTokens("secret")
        )
        own_logout = logout_options or LogoutOptions("/logout")
        identity = Identity(
            self.callers,
            self.sessions,
            self.refresher,
            self.flow,
            self.callback,
            options.callback_path,
            logout=lambda wanted: Logout(providers, wanted, self.tenants, self.sessions, writer),
            own_logout=own_logout,
            backend_logouts=own_logout.backends,
        )
        self.sign_in = SignIn(self.tenants, cookies, carried, identity)
        self.told: list[tuple[Session, BackendLogout, bool]] = []
        self.sign_in.call_backend = self._call_backend

    async def _call_backend(self, session: Session, call: BackendLogout, asked: RequestHead | None) -> None:
        """Instead of a call: `told` says of which session, of what, and whether somebody had asked for its end."""
        self.told.append((session, call, asked is not None))

    async def start(
        self, browser: Browser, target: str = "/protected", idp: str = "", kind: AuthenticationType = XSUAA
    ) -> tuple[Answer, dict[str, str]]:
        """Start a login; the answer and the query of the authorize request."""
        head = browser.head(target)
        tenant = self.tenants.tenant(head)
        answer = browser.keep(await self.flow.start(head, tenant, kind, idp))
        return answer, query_of(authorize_address(answer))

    async def finish(self, browser: Browser, query: str) -> Answer:
        """Call the callback."""
        head = browser.head(f"/login/callback?{query}")
        return browser.keep(await self.callback.answer(head, self.tenants.tenant(head)))

    async def log_in(self, browser: Browser, target: str = "/protected") -> Answer:
        """A whole login."""
        _, query = await self.start(browser, target)
        return await self.finish(browser, f"code=c1&state={query['state']}")


def run(parts: Parts, work: Callable[[Parts], Awaitable[None]]) -> None:
    """Run a test's work, and release what it used."""

    async def all_of_it() -> None:
        await work(parts)
        await parts.sessions.aclose()
        await parts.clients.aclose()

    asyncio.run(all_of_it())
