"""Where a tenant of the identity service has its endpoints (OpenID Connect Discovery 1.0; protocols 3.2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from app.bindings.credentials import IdentityCredentials
from app.clients import PlatformClients
from app.platform_service import Service
from app.tokens.expiring_map import ExpiringMap
from app.tokens.request_budget import RequestBudget, spend_on_unknown
from app.tokens.single_flight import SingleFlight

log = logging.getLogger("gangway.tokens")

FRESH_SECONDS = 3600.0
PAUSE_SECONDS = 30.0
MAX_ISSUERS = 1000
UNKNOWN_ISSUERS_PER_PAUSE = 20


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Absolute addresses; `scopes` are those the tenant says it knows, None when it does not say."""

    authorization: str
    token: str
    keys: str
    end_session: str
    scopes: frozenset[str] | None = None


def documented_endpoints(issuer: str) -> Endpoints:
    """Where the endpoints are by the documentation."""
    return Endpoints(
        f"{issuer}/oauth2/authorize", f"{issuer}/oauth2/token", f"{issuer}/oauth2/certs", f"{issuer}/oauth2/logout"
    )


def parse_endpoints(document: object, issuer: str) -> Endpoints:
    """Read a tenant's metadata. Raises ValueError for what is none.

    The issuer it names is not compared: it may lack the scheme, or be a custom domain. Trust in the address we asked
    was decided before, and what it says comes over TLS.
    """
    if not isinstance(document, dict):
        raise ValueError("no metadata")
    scopes = document.get("scopes_supported")
    return Endpoints(
        _address(document, "authorization_endpoint", issuer),
        _address(document, "token_endpoint", issuer),
        _address(document, "jwks_uri", issuer),
        _address(document, "end_session_endpoint", issuer),
        frozenset(str(scope) for scope in scopes) if isinstance(scopes, list) else None,
    )


def _address(document: dict[object, object], name: str, issuer: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value.isascii() or urlsplit(value).scheme != urlsplit(issuer).scheme:
        raise ValueError(f"{name} is no address")
    return value


def with_query(address: str, query: Mapping[str, str]) -> str:
    """An endpoint's address with parameters, of which those without a value are left out."""
    given = urlencode({name: value for name, value in query.items() if value})
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{given}" if given else address


class Discovery:
    """Metadata by issuer, asked for once an hour. While it cannot be had, the last or the documented one serves."""

    def __init__(
        self,
        clients: PlatformClients,
        credentials: IdentityCredentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._query = urlencode({"client_id": credentials.client_id})
        self._known: ExpiringMap[str, Endpoints] = ExpiringMap(MAX_ISSUERS, clock)
        self._last: ExpiringMap[str, Endpoints] = ExpiringMap(MAX_ISSUERS, clock)
        self._unknown = RequestBudget(UNKNOWN_ISSUERS_PER_PAUSE, PAUSE_SECONDS, clock)
        self._asking: SingleFlight[str, Endpoints] = SingleFlight()

    async def endpoints(self, issuer: str, is_credible: bool = True) -> Endpoints:
        """The endpoints of an issuer that is trusted (an address without a trailing slash).

        One that is not credible may be a caller's invention: of those, `TOO_MANY_UNKNOWN` is raised.
        """
        known = self._known.get(issuer)
        is_new = known is None and self._last.get(issuer) is None and issuer not in self._asking
        if is_new and not is_credible:
            spend_on_unknown(self._unknown)
        return known or await self._asking.run(issuer, lambda: self._ask(issuer))

    async def _ask(self, issuer: str) -> Endpoints:
        import httpx

        try:
            client = self._clients.get(service=Service.IDENTITY)
            reply = await client.get(f"{issuer}/.well-known/openid-configuration?{self._query}")
            found = parse_endpoints(reply.raise_for_status().json(), issuer)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.warning("no metadata of the identity service", extra={"fields": {"reason": type(error).__name__}})
            found = self._last.get(issuer) or documented_endpoints(issuer)
            self._known.put(issuer, found, PAUSE_SECONDS)
            return found
        self._known.put(issuer, found, FRESH_SECONDS)
        self._last.put(issuer, found, 24 * FRESH_SECONDS)
        return found
