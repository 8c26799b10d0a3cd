"""Who may frame a tenant's pages: the trusted domains of its subaccount, which XSUAA tells everybody.

`GET <apiurl>/sap/rest/authorization/v2/securitySettings/public?subdomain=<subdomain>`, without a token, answers with
`iframeDomains`: sources of a Content-Security-Policy, with spaces between them (observed with the reference router 23;
the cockpit's "Trusted Domains"). How XSUAA answers for an unknown subdomain is [unconfirmed].
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.clients import PlatformClients
from app.principal import Tenant
from app.tokens.expiring_map import ExpiringMap
from app.tokens.request_budget import RequestBudget
from app.tokens.single_flight import SingleFlight

log = logging.getLogger("gangway.trusted_domains")

PATH = "/sap/rest/authorization/v2/securitySettings/public"
ANSWER_SECONDS = 3.0
REVALIDATE_SECONDS = 60.0
STALE_SECONDS = 24 * 3600.0
PAUSE_SECONDS = 30.0
MAX_TENANTS = 1000
MAX_UNANSWERED = 200
"""Tenants that XSUAA has told nothing about: what any host can name displaces none of the others."""
UNKNOWN_PER_PAUSE = 100
"""Requests about tenants not asked about before: any host could name one."""
MAX_CHARACTERS = 4096
"""Twice what the cockpit allows."""
NOBODY_ELSE = b"frame-ancestors 'self'"
"""While the list is not known: framing is denied to all others."""

_SOURCE = re.compile(r"[!#-+\--:=?-Z_a-z~*\[\]]+")  # printable, and none of what ends a directive or a policy


class Unknown(Exception):
    """XSUAA did not tell; the text says why."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A directive, until when it is fresh, and until when it may be used while it is renewed."""

    directive: bytes
    fresh_until: float
    revalidate_until: float


class TrustedDomains:
    """The directive `frame-ancestors` by tenant, asked for once in `fresh` seconds. `apiurl` is the XSUAA binding's,
    `own` the subdomain asked about where a tenant has none.
    """

    def __init__(
        self,
        clients: PlatformClients,
        apiurl: str,
        own: str,
        fresh: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._url = apiurl.rstrip("/") + PATH
        self._own = own
        self._fresh = fresh
        self._clock = clock
        self._known: ExpiringMap[Tenant, _Known] = ExpiringMap(MAX_TENANTS, clock)
        self._unanswered: ExpiringMap[Tenant, _Known] = ExpiringMap(MAX_UNANSWERED, clock)
        self._unknown = RequestBudget(UNKNOWN_PER_PAUSE, PAUSE_SECONDS, clock)
        self._flight: SingleFlight[Tenant, bytes] = SingleFlight()

    async def frame_ancestors(self, tenant: Tenant) -> bytes:
        """The directive for a tenant's pages, empty where its subaccount trusts nobody.

        Never raises: while XSUAA does not answer, what it said last holds, and `NOBODY_ELSE` when it never did, or when
        too many tenants are asked about for the first time.
        """
        known, now = self._last(tenant), self._clock()
        if known is not None and now < known.fresh_until:
            return known.directive
        if known is not None and now < known.revalidate_until:
            self._flight.start(tenant, lambda: self._renew(tenant))
            return known.directive
        return await self._flight.run(tenant, lambda: self._renew(tenant))

    async def aclose(self) -> None:
        """End what is being asked."""
        await self._flight.aclose()

    def _last(self, tenant: Tenant) -> _Known | None:
        return self._known.get(tenant) or self._unanswered.get(tenant)

    async def _renew(self, tenant: Tenant) -> bytes:
        is_new = tenant.subdomain not in ("", self._own) and self._last(tenant) is None
        if is_new and self._unknown.spend():
            return NOBODY_ELSE
        try:
            directive = await self._ask(tenant.subdomain or self._own)
        except Unknown as unknown:
            return self._without_answer(tenant, unknown)
        self._unanswered.discard(tenant)
        self._known.put(tenant, self._for(directive, self._fresh), STALE_SECONDS)
        return directive

    def _without_answer(self, tenant: Tenant, unknown: Unknown) -> bytes:
        last = self._known.get(tenant)
        directive = last.directive if last is not None else NOBODY_ELSE
        fields = {"tenant_subdomain": tenant.subdomain, "hop": "xsuaa", "frame_ancestors": directive.decode()}
        log.warning("the trusted domains are not known: %s", unknown, extra={"fields": fields})
        kept = self._unanswered if last is None else self._known
        kept.put(tenant, self._for(directive, PAUSE_SECONDS), STALE_SECONDS)
        return directive

    def _for(self, directive: bytes, seconds: float) -> _Known:
        fresh_until = self._clock() + seconds
        return _Known(directive, fresh_until, fresh_until + REVALIDATE_SECONDS)

    async def _ask(self, subdomain: str) -> bytes:
        import httpx

        try:
            reply = await self._clients.get().get(self._url, params={"subdomain": subdomain}, timeout=ANSWER_SECONDS)
            settings = reply.json() if reply.status_code == 200 else None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unknown(type(error).__name__) from None
        except ValueError:
            raise Unknown("the answer is no JSON") from None
        if settings is None:
            raise Unknown(f"status {reply.status_code}")
        return directive_of(settings)


def directive_of(settings: object) -> bytes:
    """The directive that security settings call for. Raises Unknown where they cannot be read."""
    domains = (settings.get("iframeDomains") or "") if isinstance(settings, dict) else None
    if not isinstance(domains, str) or len(domains) > MAX_CHARACTERS:
        raise Unknown("the answer has no list of domains")
    sources = domains.split()
    if not all(_SOURCE.fullmatch(source) for source in sources):
        raise Unknown("the list has a domain that cannot stand in a Content-Security-Policy")
    return f"frame-ancestors {' '.join(sources)}".encode() if sources else b""
