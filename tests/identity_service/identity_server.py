"""A small identity service on a real socket, which can be told what to answer; its tokens, good and bad."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt

from app.bindings.credentials import IdentityCredentials
from app.principal import Tenant
from tests.tokens.token_server import KEY, Asked, TokenServer, serving

CLIENT_ID = "0a1b2c3d-app"
APP_TID = "77777777-2222-3333-4444-555555555555"
OTHER_TID = "88888888-2222-3333-4444-555555555555"
OWN = Tenant(APP_TID, "acme")
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KID = "default-jwt-key-1"


@dataclass
class IdentityServer(TokenServer):
    """Answers metadata, keys and token requests; `reply` replaces members of token answers (None removes
    one), `refusal` is answered to token requests instead.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    reply: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[int, Any, dict[str, str]] | None = None

    @property
    def issuer(self) -> str:
        return self.url

    def credentials(self, **more: Any) -> IdentityCredentials:
        """A binding that leads here."""
        found = {
            "clientid": CLIENT_ID, "clientsecret": "client+secret&", "url": self.url,
            "domains": ["accounts.example"], "app_tid": APP_TID, **more,
        }  # fmt: skip
        return IdentityCredentials.model_validate({name: value for name, value in found.items() if value is not None})

    def claims(self, **overrides: Any) -> dict[str, Any]:
        """Claims of an id token; an override of None removes a claim."""
        now = int(time.time())
        found = {
            "iss": self.url, "aud": CLIENT_ID, "azp": CLIENT_ID, "app_tid": APP_TID, "sub": "alice-sub", "sid": "s-1",
            "sap_id_type": "user", "email": "alice@example.com", "iat": now, "exp": now + 3600,
            "jti": uuid.uuid4().hex, **overrides,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **overrides: Any) -> str:
        """A signed id token."""
        return sign(self.claims(**overrides), header)

    def logout_token(self, **overrides: Any) -> str:
        """A signed logout token."""
        logout: dict[str, Any] = {
            "events": {EVENT: {}},
            "azp": None,
            "app_tid": None,
            "sap_id_type": None,
            "email": None,
        }
        return sign(self.claims(**{**logout, **overrides}), {"typ": "logout+jwt"})

    def asked_for(self, path: str) -> list[Asked]:
        """The requests to a path."""
        return [asked for asked in self.asked if asked.path.partition("?")[0] == path]

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if self.script:
            return self.script.popleft()
        match asked.path.partition("?")[0]:
            case "/.well-known/openid-configuration":
                return 200, self._metadata(), {}
            case "/oauth2/certs":
                return (200, self.keys, {}) if asked.headers.get("x-app_tid") != OTHER_TID else (400, {}, {})
            case "/oauth2/token":
                return self.refusal or (200, self._tokens(), {})
        return 404, {}, {}

    def _metadata(self) -> dict[str, Any]:
        found = {
            "issuer": self.url.partition("://")[2],
            "authorization_endpoint": f"{self.url}/oauth2/authorize",
            "token_endpoint": f"{self.url}/oauth2/token",
            "jwks_uri": f"{self.url}/oauth2/certs",
            "end_session_endpoint": f"{self.url}/oauth2/logout",
            **self.metadata,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _tokens(self) -> dict[str, Any]:
        found = {
            "access_token": "opaque", "id_token": self.token(**self.overrides), "token_type": "Bearer",
            "expires_in": 3600, "refresh_token": "refresh-2", **self.reply,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


def sign(claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    protected = {"alg": "RS256", "typ": "JWT", "kid": KID, **(header or {})}
    return jwt.encode(protected, claims, KEY, algorithms=[protected["alg"]])


@contextmanager
def identity_server() -> Iterator[IdentityServer]:
    """A running one."""
    with serving(IdentityServer()) as server:
        yield server
