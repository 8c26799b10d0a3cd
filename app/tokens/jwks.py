"""Verification keys of the zones of one authorization server (protocols 2.4), fetched rarely whatever tokens claim."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.bindings.credentials import XsuaaCredentials
from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.tokens.claims import refused
from app.tokens.endpoints import keys_url
from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

log = logging.getLogger("gangway.tokens")

FRESH_SECONDS = 15 * 60
STALE_SECONDS = 60 * 60
PAUSE_SECONDS = 30
MAX_ZONES = 1000
UNKNOWN_ZONES_PER_PAUSE = 20


@dataclass(frozen=True, slots=True)
class _Zone:
    """Keys by id as of `fetched_at`; `answered` is False when the server did not answer then."""

    keys: dict[str, RSAKey]
    fetched_at: float
    tried_at: float
    answered: bool


class KeyStore:
    """Keys by zone and key id.

    Fresh keys are used for 15 minutes, and for an hour while the server does not answer. A zone is asked for at most
    twice a minute, and zones never seen before at most 20 times in that span: forged tokens cause no storm.
    The binding's `verificationkey` is used when the server does not answer or does not know the key id.
    """

    def __init__(
        self, clients: PlatformClients, credentials: XsuaaCredentials, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._credentials = credentials
        self._clock = clock
        self._zones: ExpiringMap[str, _Zone] = ExpiringMap(MAX_ZONES, clock)
        self._unknown: deque[float] = deque(maxlen=UNKNOWN_ZONES_PER_PAUSE)
        self._fetching: SingleFlight[str, _Zone] = SingleFlight()
        self.reachable = False

    async def find(self, zone: str, kid: str) -> RSAKey:
        """The key. Raises `TOKEN_REFUSED` when there is none, `XSUAA_UNAVAILABLE` when that cannot be told now."""
        known = self._zones.get(zone)
        if known is None or self._is_due(known, kid):
            known = await self._fetch(zone, known)
        key = known.keys.get(kid) or self._fallback()
        if key is not None:
            return key
        if not known.answered:
            raise GatewayError(Failure.XSUAA_UNAVAILABLE, "no verification keys")
        raise refused("the token is signed with an unknown key")

    def _fallback(self) -> RSAKey | None:
        from app.tokens.signature import parse_pem

        pem = self._credentials.verificationkey
        return parse_pem(pem) if pem else None

    async def prime(self) -> None:
        """Fetch the provider's keys; afterwards `reachable` tells whether the server ever answered."""
        zone = self._credentials.tenant.id
        await self._fetch(zone, self._zones.get(zone))

    def _is_due(self, known: _Zone, kid: str) -> bool:
        now = self._clock()
        if now - known.tried_at < PAUSE_SECONDS:
            return False
        return kid not in known.keys or now - known.fetched_at >= FRESH_SECONDS

    async def _fetch(self, zone: str, known: _Zone | None) -> _Zone:
        if known is None and zone != self._credentials.tenant.id:
            self._spend_on_unknown()
        return await self._fetching.run(zone, lambda: self._ask(zone, known))

    def _spend_on_unknown(self) -> None:
        """Count a request for a zone never seen before; refuse when there were too many lately."""
        now = self._clock()
        if len(self._unknown) == UNKNOWN_ZONES_PER_PAUSE and now - self._unknown[0] < PAUSE_SECONDS:
            raise refused("too many unknown tenants at the moment")
        self._unknown.append(now)

    async def _ask(self, zone: str, known: _Zone | None) -> _Zone:
        status, keys = await self._request(zone)
        now = self._clock()
        if keys is not None:
            self.reachable = True
            result = _Zone(keys, now, now, True)
        elif status == 400:  # the zone may not be served to this application
            result = _Zone({}, now, now, True)
        elif known is not None and now - known.fetched_at < STALE_SECONDS:
            result = _Zone(known.keys, known.fetched_at, now, known.answered)
        else:
            result = _Zone({}, now, now, False)
        self._zones.put(zone, result, STALE_SECONDS)
        return result

    async def _request(self, zone: str) -> tuple[int, dict[str, RSAKey] | None]:
        import httpx

        from app.tokens.signature import parse_keys

        try:
            reply = await self._clients.get().get(keys_url(self._credentials, zone), headers={"x-zid": zone})
            if reply.status_code == 200:
                return 200, parse_keys(reply.json())
        except (httpx.HTTPError, ValueError) as error:
            log.warning("no verification keys", extra={"fields": {"reason": type(error).__name__}})
            return 0, None
        log.warning("no verification keys", extra={"fields": {"status": reply.status_code}})
        return reply.status_code, None
