"""The audit log service, version 2 (protocols 6.3)."""

from __future__ import annotations

import logging

from app.audit.event import SecurityEvent
from app.audit.message import is_of, service_message
from app.audit.trail import Delivery
from app.bindings.credentials import AuditLogCredentials
from app.clients import PlatformClients
from app.errors import GatewayError
from app.tokens.token_cache import TokenCache
from app.tokens.token_request import client_of

log = logging.getLogger("gangway.audit")

PATH = "/audit-log/oauth2/v2/security-events"
FINAL = frozenset({400, 403, 404, 413, 422})
"""Statuses that another attempt would not change."""


class AuditLogService:
    """Writes security events, each with a token of the tenant it belongs to."""

    def __init__(self, clients: PlatformClients, credentials: AuditLogCredentials, tokens: TokenCache) -> None:
        self._clients = clients
        self._credentials = credentials
        self._tokens = tokens

    async def deliver(self, event: SecurityEvent) -> Delivery:
        """Write one event; never raises for what a network or a service can do."""
        import httpx

        credentials = self._credentials
        own = is_of(credentials.tenant, event.tenant)
        tenant = credentials.tenant if own or event.tenant is None else event.tenant
        try:
            token = await self._tokens.technical(credentials, tenant)
            reply = await client_of(self._clients, credentials).post(
                credentials.service_url.rstrip("/") + PATH,
                json=service_message(event, credentials.tenant),
                headers={"authorization": f"Bearer {token}"},
            )
        except GatewayError as error:
            return _again(f"no token: {error.failure.name}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _again(type(error).__name__)
        if reply.is_success:
            return Delivery.DONE
        if reply.status_code == 401:
            self._tokens.forget_technical(credentials, tenant)
        if reply.status_code in FINAL:
            log.error("the audit log service refused an event", extra={"fields": {"status": reply.status_code}})
            return Delivery.REFUSED
        return _again(f"status {reply.status_code}")


def _again(reason: str) -> Delivery:
    log.warning("a security event could not be delivered yet", extra={"fields": {"reason": reason}})
    return Delivery.AGAIN
