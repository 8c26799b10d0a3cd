"""What XSUAA knows of a user beyond the token: attributes of the identity provider.

`GET <uaa>/userinfo` with the user's token; `user_attributes` of the answer are told where the token has the scope
`user_attributes` (reference, "User API Service").
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.bindings.credentials import XsuaaCredentials
from app.clients import PlatformClients
from app.principal import UserPrincipal, UserToken
from app.tokens.endpoints import browser_base_url
from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight

log = logging.getLogger("gangway.tokens")

ANSWER_SECONDS = 5.0
PAUSE_SECONDS = 15.0
MAX_USERS = 1000
MAX_KEPT = 16 * 1024

Attributes = Mapping[str, object]
_NONE: Attributes = {}


@dataclass(frozen=True, slots=True)
class UserInfoKey:
    """Names what was told about one very token of one user."""

    principal: UserPrincipal
    fingerprint: str


class _Untold(Exception):
    """XSUAA did not tell; the text says why."""


class UserInfo:
    """Asks once for each token; what is larger than `MAX_KEPT` bytes is asked for each time."""

    def __init__(
        self, clients: PlatformClients, credentials: XsuaaCredentials, clock: Callable[[], float] = time.time
    ) -> None:
        self._clients = clients
        self._credentials = credentials
        self._clock = clock
        self._told: ExpiringMap[UserInfoKey, Attributes] = ExpiringMap(MAX_USERS, clock)
        self._flight: SingleFlight[UserInfoKey, Attributes] = SingleFlight()

    async def attributes(self, token: UserToken) -> Attributes:
        """The user's attributes. Never raises: there are none while XSUAA does not tell, within `ANSWER_SECONDS`."""
        key = UserInfoKey(token.principal, token.fingerprint)
        told = self._told.get(key)
        return told if told is not None else await self._flight.run(key, lambda: self._fetch(key, token))

    async def aclose(self) -> None:
        """End what is being asked."""
        await self._flight.aclose()

    async def _fetch(self, key: UserInfoKey, token: UserToken) -> Attributes:
        try:
            found, size = await self._ask(token)
        except _Untold as untold:
            log.warning("the attributes of a user are not known: %s", untold, extra={"fields": {"hop": "xsuaa"}})
            self._told.put(key, _NONE, PAUSE_SECONDS)
            return _NONE
        if size <= MAX_KEPT:
            self._told.put(key, found, token.expires_at - self._clock())
        return found

    async def _ask(self, token: UserToken) -> tuple[Attributes, int]:
        """The attributes, and the size of the answer in bytes. Raises _Untold."""
        import httpx

        tenant = token.principal.tenant
        headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
        if tenant.id and not tenant.subdomain:
            headers["x-zid"] = tenant.id
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                url = f"{browser_base_url(self._credentials, tenant)}/userinfo"
                reply = await self._clients.get().get(url, headers=headers)
            document = reply.json() if reply.status_code == 200 else None
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Untold(type(error).__name__) from None
        except (ValueError, RecursionError):
            raise _Untold("the answer is no JSON") from None
        if not isinstance(document, dict):
            raise _Untold(f"status {reply.status_code}")
        found = document.get("user_attributes")
        return (found if isinstance(found, dict) else _NONE), len(reply.content)
