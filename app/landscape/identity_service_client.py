"""The applications that the identity service knows, and how they prove themselves (protocols, section 3.1)."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509

from app.landscape.xsuaa_client import OAuthError, Proof, matches_redirect

LOCK_AFTER = 5
LOCK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class IdentityClient:
    """An application with its registrations.

    `zones` are the tenants (zone ids) that use it. `audiences` are the clients of consumed services, which its users'
    tokens are for, too; `dependencies` the client ids of applications it depends on, by name. Validities in seconds.
    """

    client_id: str
    secret: str
    zones: frozenset[str]
    certificate: x509.Certificate | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    dependencies: Mapping[str, str] = field(default_factory=dict)
    token_validity: int = 3600
    refresh_validity: int = 43200

    def may_redirect_to(self, address: str) -> bool:
        """Whether a registered address covers one; queries are not looked at."""
        return _covered(self.redirect_uris, address)

    def may_return_to(self, address: str) -> bool:
        """The same for the way back from a logout."""
        return _covered(self.post_logout_redirect_uris, address)


def _covered(patterns: tuple[str, ...], address: str) -> bool:
    return any(matches_redirect(pattern.partition("?")[0], address) for pattern in patterns)


class ClientGate:
    """Who may use the token endpoint. Five failures in a row lock a client for an hour (protocols, 3.2)."""

    def __init__(self, clients: Mapping[str, IdentityClient]) -> None:
        self._clients = clients
        self._failures: dict[str, list[float]] = {}

    def admit(self, proof: Proof) -> IdentityClient:
        """The client a proof stands for. Raises OAuthError 401."""
        failures = self._failures.setdefault(proof.client_id, [])
        if len(failures) >= LOCK_AFTER and time.monotonic() - failures[-1] < LOCK_SECONDS:
            raise OAuthError(401, "invalid_client", "The client is locked")
        client = self._clients.get(proof.client_id)
        if client is None or not _proves(proof, client):
            failures.append(time.monotonic())
            raise OAuthError(401, "invalid_client", "Client authentication failed")
        failures.clear()
        return client


def _proves(proof: Proof, client: IdentityClient) -> bool:
    if proof.secret is not None:
        return bool(client.secret) and hmac.compare_digest(proof.secret.encode(), client.secret.encode())
    if proof.certificate_pem is None or client.certificate is None:
        return False
    return x509.load_pem_x509_certificate(proof.certificate_pem.encode()) == client.certificate
