"""What of a backend follows from the destination alone: base, queries, what of its headers concerns us. No I/O."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from app.answer import Headers
from app.destinations.authentication import Authentication
from app.destinations.destination import Destination
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, UserCaller, UserToken
from app.tokens.claims import decode_claims

_SAML_SESSION: Headers = ((b"x-sap-security-session", b"create"),)


def query_of(destination: Destination) -> bytes:
    """The query of the URL and `URL.queries.*`, encoded, without `?`."""
    parts = [destination.url.query, urlencode(destination.queries)]
    return "&".join(part for part in parts if part).encode("ascii")


def bearer(token: str) -> bytes:
    """The value of a header that carries a token."""
    return b"Bearer " + token.encode("latin-1")


def own_credentials(destination: Destination, caller: Caller) -> Headers:
    """The headers that authenticate at the backend: the token of the caller's login, or what the destination brings.

    Anonymous callers have no token to forward, and none is: the backend decides what they get.
    """
    if destination.forward_auth_token:
        return () if isinstance(caller, AnonymousCaller) else ((b"authorization", bearer(caller.forwarded.value)),)
    if destination.authentication is Authentication.SAML_ASSERTION:
        return destination.credentials + _SAML_SESSION
    return destination.credentials


def defaults_beside(credentials: Headers, destination: Destination, dropped: frozenset[bytes] = frozenset()) -> Headers:
    """The destination's default headers, without those the credentials have, and without those that never pass."""
    taken = dropped.union(name for name, _ in credentials)
    return tuple(pair for pair in destination.defaults if pair[0] not in taken)


def required_user(destination: Destination, caller: Caller) -> UserToken:
    """The user's token. Raises DESTINATION_UNUSABLE for a caller without one."""
    if isinstance(caller, UserCaller):
        return caller.token
    raise GatewayError(
        Failure.DESTINATION_UNUSABLE,
        f"Destination '{destination.name}' needs a logged-in user: its route must not be public.",
    )


def monotonic_end(epoch_seconds: float) -> float:
    """A point of the wall clock on the monotonic one."""
    return time.monotonic() + epoch_seconds - time.time()


def token_end(token: str) -> float:
    """When one of our own tokens ends, by its claim, on the monotonic clock; in the past where it does not say."""
    try:
        expires = decode_claims(token).get("exp")
    except GatewayError:
        return 0.0
    return monotonic_end(expires) if isinstance(expires, int | float) else 0.0
