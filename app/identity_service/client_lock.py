"""How the identity service is kept from locking our client (protocols 3.2)."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.principal import Tenant
from app.tokens.expiring_map import ExpiringMap

PAUSE = 20 * 60.0
MAX_TENANTS = 1000


class ClientLock:
    """Says when to authenticate. After five failures the service locks a client for an hour, and that for all tenants:
    it is one client at one endpoint. So there are to be four an hour at most.

    A refusal stops the tenant it was for. Only when another follows, with nothing accepted between, the credentials are
    at fault, and everybody stops until one may try again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: ExpiringMap[Tenant, bool] = ExpiringMap(MAX_TENANTS, clock)
        self._all_until = 0.0
        self._in_doubt = False

    def allows(self, tenant: Tenant) -> bool:
        """Whether to authenticate for a tenant now."""
        return self._clock() >= self._all_until and self._refused.get(tenant) is None

    def refused(self, tenant: Tenant) -> None:
        """Our credentials were refused."""
        self._refused.put(tenant, True, PAUSE)
        if self._in_doubt:
            self._all_until = self._clock() + PAUSE
        self._in_doubt = True

    def accepted(self) -> None:
        """Our credentials were accepted."""
        self._in_doubt = False
