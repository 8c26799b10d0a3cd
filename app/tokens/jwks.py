"""Verification keys of authorization servers (protocols 2.4, 3.3), fetched rarely whatever tokens claim."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.clients import PlatformClients
from app.errors import GatewayError
from app.tokens.authority import XSUAA, Authority
from app.tokens.claims import refused
from app.tokens.expiring_map import ExpiringMap
from app.tokens.key_source import KeySource
from app.tokens.request_budget import RequestBudget, spend_on_unknown
from app.tokens.single_flight import SingleFlight
from app.transport.connect_reason import advice_for, why

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

log = logging.getLogger("gangway.tokens")

FRESH_SECONDS = 15 * 60
STALE_SECONDS = 60 * 60
PAUSE_SECONDS = 30
MAX_SOURCES = 1000
UNKNOWN_SOURCES_PER_PAUSE = 20

_UNKNOWN = "See whether the tenant has subscribed; of tokens that others show, it may be invented."
_AWAY = "Check the address in the binding, and whether the server is up."
_FEW = "See what answers at this address: an authorization server publishes RSA keys."


@dataclass(frozen=True, slots=True)
class _KeySet:
    """Keys by id as of `fetched_at`; `answered` is False when the server did not answer then, `refused` True when it
    said that the tenant may not be served to this application.
    """

    keys: dict[str, RSAKey]
    fetched_at: float
    tried_at: float
    answered: bool
    refused: bool = False


class KeyStore:
    """Keys by source and key id.

    Fresh keys are used for 15 minutes, and for an hour while the server does not answer. A source is asked at most
    twice a minute, and sources that nobody but a caller names at most 20 times in 30 seconds: forged tokens cause no
    storm.
    `fallback_pem` (a binding's `verificationkey`) is used when the server does not answer or does not know the key id,
    not when it refuses the tenant.
    """

    def __init__(
        self,
        clients: PlatformClients,
        fallback_pem: str = "",
        authority: Authority = XSUAA,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._fallback_pem = fallback_pem
        self._authority = authority
        self._clock = clock
        self._sets: ExpiringMap[KeySource, _KeySet] = ExpiringMap(MAX_SOURCES, clock)
        self._unknown = RequestBudget(UNKNOWN_SOURCES_PER_PAUSE, PAUSE_SECONDS, clock)
        self._fetching: SingleFlight[KeySource, _KeySet] = SingleFlight()
        self.reachable = False

    async def find(self, source: KeySource, kid: str, is_credible: bool = False) -> RSAKey:
        """The key. `is_credible`: the source is that of our own tenant, or of a token that we fetched ourselves: no
        caller has invented it.

        Raises `TOKEN_REFUSED` when there is no such key, `TOO_MANY_UNKNOWN` when callers have invented too many sources
        lately, and that the server is unavailable when nothing can be told.
        """
        known = self._sets.get(source)
        if known is None or self._is_due(known, kid):
            known = await self._fetch(source, known, is_credible)
        if known.refused:
            raise refused("the authorization server does not serve this tenant to this application")
        key = known.keys.get(kid) or self._fallback()
        if key is not None:
            return key
        if not known.answered:
            raise GatewayError(self._authority.unavailable, "no verification keys")
        raise refused("the token is signed with an unknown key")

    def refuses(self, source: KeySource) -> bool:
        """Whether the server has said last that it does not serve this tenant to this application."""
        known = self._sets.get(source)
        return known is not None and known.refused

    def _fallback(self) -> RSAKey | None:
        from app.tokens.signature import parse_pem

        return parse_pem(self._fallback_pem) if self._fallback_pem else None

    async def prime(self, source: KeySource) -> None:
        """Fetch keys of our own tenant; afterwards `reachable` tells whether the server ever had any."""
        await self._fetch(source, self._sets.get(source), is_credible=True)

    def _is_due(self, known: _KeySet, kid: str) -> bool:
        now = self._clock()
        if now - known.tried_at < PAUSE_SECONDS:
            return False
        return kid not in known.keys or now - known.fetched_at >= FRESH_SECONDS

    async def _fetch(self, source: KeySource, known: _KeySet | None, is_credible: bool) -> _KeySet:
        if known is None and not is_credible and source not in self._fetching:
            spend_on_unknown(self._unknown)
        return await self._fetching.run(source, lambda: self._ask(source, known))

    async def _ask(self, source: KeySource, known: _KeySet | None) -> _KeySet:
        status, keys = await self._request(source)
        now = self._clock()
        if keys is not None:
            self.reachable = self.reachable or bool(keys)
            result = _KeySet(keys, now, now, True)
        elif status == 400:
            result = _KeySet({}, now, now, True, refused=True)
        elif known is not None and now - known.fetched_at < STALE_SECONDS:
            result = replace(known, tried_at=now)
        else:
            result = _KeySet({}, now, now, False)
        self._sets.put(source, result, STALE_SECONDS)
        return result

    async def _request(self, source: KeySource) -> tuple[int, dict[str, RSAKey] | None]:
        import httpx

        from app.tokens.signature import parse_keys

        try:
            reply = await self._clients.get().get(source.url, headers=dict(source.headers))
            if reply.status_code == 200:
                keys = parse_keys(reply.json())
                if not keys:
                    _report(source, "its key set has none that can be used", _FEW)
                return 200, keys
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            _report(source, f"{type(error).__name__}{why(error)}", advice_for(error) or _AWAY)
            return 0, None
        if reply.status_code == 400:
            _report(source, "it does not serve the tenant to this application", _UNKNOWN)
        else:
            _report(source, f"it answered {reply.status_code}", _AWAY)
        return reply.status_code, None


def _report(source: KeySource, reason: str, advice: str) -> None:
    server = urlsplit(source.url).netloc
    fields = {"server": server, "reason": reason, "advice": advice}
    log.warning("no verification keys from %s: %s", server, reason, extra={"fields": fields})
