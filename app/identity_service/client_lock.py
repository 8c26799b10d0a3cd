"""How the identity service is kept from locking our client (protocols 3.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.errors import GatewayError
from app.principal import Tenant
from app.tokens.authority import IDENTITY_SERVICE
from app.tokens.expiring_map import ExpiringMap
from app.tokens.token_response import TokenRefused, TokenResponse

PAUSE = 20 * 60.0
MAX_TENANTS = 1000

Request = Callable[[], Awaitable[TokenResponse]]


class ClientLock:
    """Says when to authenticate. After five failures the service locks a client for an hour, and that for all tenants:
    it is one client at one endpoint. So there are to be four an hour at most.

    A refusal stops the tenant it was for. Only when one of another tenant follows, with nothing accepted between, the
    credentials are at fault, and everybody stops until one may try again. As long as nothing has shown that they are
    good, at the start and after a refusal, they are shown by one request at a time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: ExpiringMap[Tenant, bool] = ExpiringMap(MAX_TENANTS, clock)
        self._all_until = 0.0
        self._first: Tenant | None = None  # that was refused since our credentials were accepted
        self._are_at_fault = False
        self._are_good = False
        self._turn = asyncio.Lock()
        self._away: GatewayError | None = None  # what the last request met, if it was no answer

    async def ask(self, tenant: Tenant, request: Request) -> TokenResponse:
        """The answer to a request that authenticates for a tenant.

        Raises what it raises, and `TokenRefused` in its place where our credentials were refused lately. Who waits for
        one that finds the service away has the same result: the next would find nothing else.
        """
        self._check(tenant)
        if not self._are_good:
            before = self._away
            async with self._turn:
                if self._away is not None and self._away is not before:
                    raise self._away
                self._check(tenant)
                if not self._are_good:
                    return await self._judged(tenant, request)
            self._check(tenant)
        return await self._judged(tenant, request)

    def _check(self, tenant: Tenant) -> None:
        if self._clock() < self._all_until or self._refused.get(tenant) is not None:
            raise TokenRefused("invalid_client", "the service refused our credentials lately", IDENTITY_SERVICE)

    async def _judged(self, tenant: Tenant, request: Request) -> TokenResponse:
        try:
            response = await request()
        except TokenRefused as refusal:
            self._away = None
            if refusal.error == "invalid_client":
                self._has_refused(tenant)
            elif refusal.error == "invalid_grant":  # what was shown is looked at only after who shows it
                self._has_accepted()
            raise
        except GatewayError as error:
            self._away = error
            raise
        self._away = None
        self._has_accepted()
        return response

    def _has_refused(self, tenant: Tenant) -> None:
        self._refused.put(tenant, True, PAUSE)
        self._are_at_fault = self._are_at_fault or self._first not in (None, tenant)
        if self._are_at_fault:
            self._all_until = self._clock() + PAUSE
        self._first = self._first or tenant
        self._are_good = False

    def _has_accepted(self) -> None:
        self._first, self._are_at_fault, self._are_good = None, False, True
