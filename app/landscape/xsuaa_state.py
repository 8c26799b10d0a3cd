"""What XSUAA remembers between calls: running logins, codes, refresh tokens, single sign-on sessions."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.landscape.users import Tenant, User

REMEMBERED = 10_000
LOGIN_SECONDS = 600
CODE_SECONDS = 60
SESSION_SECONDS = 1800

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A checked call of `/oauth/authorize`."""

    tenant: Tenant
    client_id: str
    redirect_uri: str
    state: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    origin: str


@dataclass(frozen=True, slots=True)
class Login:
    """A user who logged in to a tenant; `auth_time` in seconds since the epoch, `origin` the identity provider."""

    tenant: Tenant
    user: User
    auth_time: int
    origin: str


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: which request it answers, and who logged in."""

    request: AuthorizeRequest
    login: Login


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: for which client and user, with which scopes at most (empty: all the user has)."""

    client_id: str
    login: Login
    scope: str


class Store(Generic[Item]):
    """Things kept under unguessable names for a while; the oldest go when there are too many."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._items: OrderedDict[str, tuple[float, Item]] = OrderedDict()

    def add(self, item: Item, seconds: float | None = None) -> str:
        """Keep an item (for `seconds`, else the store's usual time); returns its name."""
        name = secrets.token_urlsafe(24)
        self._items[name] = (time.monotonic() + (self._seconds if seconds is None else seconds), item)
        while len(self._items) > REMEMBERED:
            self._items.popitem(last=False)
        return name

    def get(self, name: str) -> Item | None:
        """The item, if it is still there."""
        until, item = self._items.get(name, (0.0, None))
        return item if time.monotonic() < until else None

    def take(self, name: str) -> Item | None:
        """The item, which is then gone: for things of single use."""
        item = self.get(name)
        self._items.pop(name, None)
        return item


class XsuaaState:
    """All of it."""

    def __init__(self) -> None:
        self.requests: Store[AuthorizeRequest] = Store(LOGIN_SECONDS)
        self.codes: Store[Code] = Store(CODE_SECONDS)
        self.refresh_tokens: Store[RefreshToken] = Store(0)
        self.sessions: Store[Login] = Store(SESSION_SECONDS)
