"""Sessions as parts: what an external store keeps of them, each part to be written without touching the others.

The token is one part, the CSRF token another, and every backend cookie and every application that was used one of its
own: what two instances change at the same time is then changed in different places, or, where it is the very same
cookie, the later one counts, as in a browser.
"""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from app.principal import UserCaller, UserPrincipal, UserToken
from app.sessions.backend_cookies import MAX_COOKIES, BackendCookies
from app.sessions.session import NO_APPS, Session
from app.sessions.visitor import Visitor
from app.tokens.claims import shared_tenant

TOKEN = b"token"
CSRF = b"csrf"
APP = b"app:"
COOKIE = b"cookie:"
MAX_PLAIN = 1024 * 1024

Values = Mapping[bytes, object]


@dataclass(frozen=True, slots=True)
class TokenPart:
    """The part that holds who the user is. Times are epoch seconds."""

    caller: UserCaller
    refresh_token: str = field(repr=False)
    created_at: float
    login_names: tuple[bytes, ...]
    attention_at: float = field(compare=False)


def values_of(session: Session) -> dict[bytes, object]:
    """The session's parts as values: cheap to make and to compare, in order to find out what has changed."""
    part = TokenPart(
        session.caller, session.refresh_token, session.created_at, session.login_names, session.attention_at
    )
    apps = {APP + app.encode(): app for app in session.apps}
    return {TOKEN: part, **apps, **visitor_values(session)}


def visitor_values(visitor: Visitor) -> dict[bytes, object]:
    """The parts that belong to any visitor: CSRF token and backend cookies."""
    values: dict[bytes, object] = {CSRF: visitor.csrf_token} if visitor.csrf_token else {}
    for entry in visitor.backend_cookies.dump():
        name = sha256(json.dumps(entry[:-1]).encode()).digest()[:12]
        values[COOKIE + name] = entry
    return values


def pack(value: object) -> bytes:
    """A part's value as bytes."""
    if isinstance(value, TokenPart):
        return zlib.compress(json.dumps(_plain(value), separators=(",", ":")).encode())
    return json.dumps(value, separators=(",", ":")).encode()


def unpack(name: bytes, packed: bytes) -> object:
    """The inverse of `pack`; raises ValueError for anything else."""
    if name != TOKEN:
        return json.loads(packed)
    try:
        return _token_part(*json.loads(zlib.decompressobj().decompress(packed, MAX_PLAIN)))
    except (zlib.error, TypeError) as error:
        raise ValueError("no token") from error


def apply(session: Session, values: Values) -> None:
    """Make a session what the values say. Raises ValueError."""
    part = token_part(values)
    if (part.caller, part.refresh_token) != (session.caller, session.refresh_token):
        session.renew(part.caller, part.refresh_token, part.attention_at)
    session.apps = frozenset(str(app) for name, app in values.items() if name.startswith(APP)) or NO_APPS
    apply_to_visitor(session, values)


def apply_to_visitor(visitor: Visitor, values: Values) -> None:
    """Give a visitor the CSRF token and the backend cookies. Raises ValueError."""
    visitor.csrf_token = str(values.get(CSRF, ""))
    cookies = [value for name, value in values.items() if name.startswith(COOKIE)]
    visitor.backend_cookies = BackendCookies.load(cookies[:MAX_COOKIES])


def token_part(values: Values) -> TokenPart:
    """The part without which there is no session. Raises ValueError."""
    part = values.get(TOKEN)
    if not isinstance(part, TokenPart):
        raise ValueError("no token")
    return part


def _plain(part: TokenPart) -> list[object]:
    """The access token stands at the end, and only where there is one: earlier versions wrote the rest alone."""
    caller, names = part.caller, [name.hex() for name in part.login_names]
    plain: list[object] = [
        _plain_token(caller.token),
        _plain_token(caller.ias_token) if caller.ias_token is not None else None,
        [part.refresh_token, part.created_at, names, part.attention_at],
    ]
    return plain if caller.access_token is None else [*plain, _plain_token(caller.access_token)]


def _plain_token(token: UserToken) -> list[object]:
    user = token.principal
    who = [user.tenant.id, user.tenant.subdomain, user.origin, user.user_id]
    return [who, sorted(token.scopes), token.expires_at, _opened(token.value)]


def _token_part(
    token: list[Any], ias_token: list[Any] | None, rest: list[Any], access_token: list[Any] | None = None
) -> TokenPart:
    own = _token(*token)
    ias = own if ias_token == token else _token_or_none(ias_token)  # one and the same is held once
    caller = UserCaller(own, ias, _token_or_none(access_token))
    refresh_token, created_at, names, attention_at = rest
    return TokenPart(caller, refresh_token, created_at, tuple(bytes.fromhex(name) for name in names), attention_at)


def _token_or_none(token: list[Any] | None) -> UserToken | None:
    return _token(*token) if token is not None else None


def _token(who: list[str], scopes: list[str], expires_at: int, segments: list[str]) -> UserToken:
    zone, subdomain, origin, user_id = who
    principal = UserPrincipal(shared_tenant(zone, subdomain), origin, user_id)
    return UserToken(principal, _closed(segments), _shared_scopes(tuple(scopes)), expires_at)


@lru_cache(maxsize=1024)
def _shared_scopes(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names)


def _opened(token: str) -> list[str]:
    """A JSON Web Token as texts that compress well: header and claims without their base64url."""
    segments = token.split(".")
    try:
        opened = [*(urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode() for part in segments[:2]), *segments[2:]]
    except (binascii.Error, ValueError):
        return [token]
    return opened if len(opened) == 3 and _closed(opened) == token else [token]


def _closed(segments: list[str]) -> str:
    if len(segments) == 1:
        return segments[0]
    header, claims, signature = segments
    encoded = (urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*encoded, signature))
