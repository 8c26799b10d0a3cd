"""Who may tell us about subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Protocol

from app.errors import Failure, GatewayError
from app.principal import ServiceToken
from app.request_head import RequestHead
from app.subscriptions.client_certificate import is_expected, parse_certificate
from app.subscriptions.distinguished_name import NamePattern
from app.tokens.claims import refused
from app.tokens.verifier import Verifier

CALLBACK_SCOPE = "Callback"
CERTIFICATE_LABEL = ".cert."


class Guard(Protocol):
    """Lets a caller pass, or raises GatewayError."""

    async def check(self, head: RequestHead) -> None: ...


class ScopeGuard:
    """The SaaS registry: a technical token of the provider's tenant with our scope `Callback`."""

    def __init__(self, verifier: Verifier, xsappname: str, provider_id: str) -> None:
        self._verifier = verifier
        self._scope = f"{xsappname}.{CALLBACK_SCOPE}"
        self._provider_id = provider_id

    async def check(self, head: RequestHead) -> None:
        """Raises `TOKEN_REFUSED`, `TENANT_MISMATCH` or `SCOPE_MISSING`; `XSUAA_UNAVAILABLE` or `TOO_MANY_UNKNOWN` where
        the token cannot be verified now.
        """
        scheme, _, value = (head.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise refused("the callback needs a token in Authorization")
        token = await self._verifier.verify_again(value.strip())
        if not isinstance(token, ServiceToken):
            raise refused("the callback needs a technical token")
        if token.principal.tenant.id != self._provider_id:
            raise GatewayError(Failure.TENANT_MISMATCH)
        if self._scope not in token.scopes:
            raise GatewayError(Failure.SCOPE_MISSING, f"the caller lacks the scope {CALLBACK_SCOPE}")


class CertificateGuard:
    """The Subscription Manager: a client certificate of the names in its binding; without names nobody passes.

    `header` is where the platform's router puts it (`CLIENT_CERTIFICATE_HEADER_NAME`). `hosts`: those it calls,
    None for any. Cloud Foundry's router writes it for hosts of its own with a label `cert` only: what comes at another
    host, be it named alike, is the client's own invention.
    """

    def __init__(
        self,
        header: str,
        subject: NamePattern | None,
        issuer: NamePattern | None,
        hosts: Collection[str] | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._header = header.lower().encode()
        self._names = (subject, issuer) if subject is not None and issuer is not None else None
        self._hosts = None if hosts is None else {_name(host) for host in hosts if CERTIFICATE_LABEL in _name(host)}
        self._now = now

    async def check(self, head: RequestHead) -> None:
        """Raises `CERTIFICATE_REFUSED`."""
        values = head.header_values(self._header)
        handed_on = len(values) == 1 and (self._hosts is None or _name(head.header(b"host") or "") in self._hosts)
        certificate = parse_certificate(values[0]) if handed_on else None
        if certificate is None or self._names is None or not is_expected(certificate, *self._names, self._now()):
            raise GatewayError(Failure.CERTIFICATE_REFUSED)


def _name(host: str) -> str:
    """A host without a port."""
    return host.partition(":")[0].lower()
