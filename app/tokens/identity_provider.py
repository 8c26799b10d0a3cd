"""What logging in needs of an authorization server: the seam behind which XSUAA and the identity service stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import Failure, GatewayError
from app.principal import Tenant, UserCaller
from app.routing.route import AuthenticationType

CALLBACK_KIND = "authType"


@dataclass(frozen=True, slots=True)
class ReportAddress:
    """Where the server reports that a login has ended: `uri`, and the Cookie header that leads the report to the
    instance with the session, empty for none.
    """

    uri: str
    cookie: str


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """One login of a browser, on its way there or when it comes back.

    `code_verifier` is PKCE's secret (RFC 7636), empty where PKCE is off. `nonce` ties an id token to this login where
    the server issues one. `identity_provider` is the one to log in with, empty for the server's own choice. `reports`
    is None where nobody wants to know that the login has ended.
    """

    tenant: Tenant
    redirect_uri: str
    code_verifier: str = field(default="", repr=False)
    nonce: str = ""
    identity_provider: str = ""
    reports: ReportAddress | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """What a login, or the renewal of its tokens, comes to.

    `names` are those under which the server may later report that the login has ended (back-channel logout).
    """

    caller: UserCaller
    refresh_token: str = field(default="", repr=False)
    names: tuple[bytes, ...] = ()


class IdentityProvider(Protocol):
    """An authorization server. Its failures are `GatewayError`: `TokenRefused`, *_UNAVAILABLE, TOKEN_REFUSED."""

    async def authorize_url(self, login: LoginRequest, state: str) -> str:
        """Where a browser logs in."""

    async def redeem(self, login: LoginRequest, code: str) -> Login:
        """Exchange the code of a login. The tokens are validated; that their tenant is the right one is not."""

    async def renew(self, caller: UserCaller, refresh_token: str) -> Login:
        """New tokens for the same user."""

    async def logout_url(self, tenant: Tenant, page: str, caller: UserCaller | None) -> str:
        """Where a browser logs out; it returns to `page` (an address of ours, or empty)."""

    async def prime(self) -> bool:
        """Fetch verification keys; whether the server has ever had any for us."""

    @property
    def has_own_key(self) -> bool:
        """Whether tokens can be verified without the server: by a key of the binding."""


class IdentityProviders:
    """The authorization servers that are bound, by the kind of authentication that routes name.

    `minimum_validity`: `MINIMUM_TOKEN_VALIDITY`, the seconds that tokens have to live on when they are issued.
    """

    def __init__(
        self,
        bound: Mapping[AuthenticationType, IdentityProvider],
        preferred: AuthenticationType,
        minimum_validity: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bound = bound
        self.preferred = preferred
        self._minimum_validity = minimum_validity
        self._clock = clock

    def callback_query(self, kind: AuthenticationType) -> str:
        """What is added to the callback's address, so that the answers of two servers cannot be mixed up."""
        return f"{CALLBACK_KIND}={kind}" if len(self.bound) > 1 else ""

    def kind_of(self, caller: UserCaller | None) -> AuthenticationType:
        """How somebody has logged in; the preferred kind for nobody."""
        if caller is None:
            return self.preferred
        return AuthenticationType.IAS if caller.ias_token is not None else AuthenticationType.XSUAA

    def of(self, caller: UserCaller | None) -> IdentityProvider:
        """The server somebody has logged in with; the preferred one for nobody.

        Also for who has logged in with one that has been unbound since (sessions outlive deployments): it will not
        know their refresh tokens.
        """
        return self.bound.get(self.kind_of(caller)) or self.bound[self.preferred]

    async def redeem(self, kind: AuthenticationType, login: LoginRequest, code: str) -> Login:
        """Exchange the code of a login. Raises like `IdentityProvider`."""
        return self._long_enough(kind, await self.bound[kind].redeem(login, code))

    async def renew(self, caller: UserCaller, refresh_token: str) -> Login:
        """New tokens, from where the old ones are. Raises like `IdentityProvider`."""
        return self._long_enough(self.kind_of(caller), await self.of(caller).renew(caller, refresh_token))

    def _long_enough(self, kind: AuthenticationType, login: Login) -> Login:
        if not self._minimum_validity or login.caller.expires_at - self._clock() >= self._minimum_validity:
            return login
        failure = Failure.IDENTITY_REFUSED if kind is AuthenticationType.IAS else Failure.XSUAA_REFUSED
        raise GatewayError(failure, "the token issued lives shorter than MINIMUM_TOKEN_VALIDITY demands")


def pkce(code_verifier: str) -> dict[str, str]:
    """The challenge of an authorize request; nothing without a verifier."""
    if not code_verifier:
        return {}
    # Loaded with the first login, not at the start: it brings the whole of OAuth with it.
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

    return {"code_challenge": create_s256_code_challenge(code_verifier), "code_challenge_method": "S256"}
