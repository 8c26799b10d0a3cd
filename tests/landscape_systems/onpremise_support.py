"""S/4HANA on-premise run beside a test, and clients that show the certificate of a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.landscape.faults import Faults
from app.landscape.journal import Journal
from app.landscape.s4_onpremise import SERVICE, S4OnPremise
from app.landscape.user_certificate import UserCertificates
from tests.landscape_systems.support import beside

ALICE, BOB = "alice@acme.example", "bob@acme.example"


@dataclass(frozen=True)
class System:
    """A running system and the issuer it trusts."""

    station: S4OnPremise
    certificates: UserCertificates
    journal: Journal

    def client(self, user: str = ALICE, **headers: str) -> httpx.Client:
        certificate = {"SSL_CLIENT_CERT": self.certificates.header_for(user), "Accept": "application/json", **headers}
        base = f"http://127.0.0.1:{self.station.port}"
        return httpx.Client(base_url=base, headers=certificate, trust_env=False, timeout=10)


@contextmanager
def running_system() -> Iterator[System]:
    """The system, run beside the test."""
    certificates, journal = UserCertificates(), Journal()
    station = S4OnPremise(
        trusted=certificates.certificate, journal=journal, faults=Faults(), users={"RFCUSER": "secret"}
    )
    with beside(station):
        yield System(station, certificates, journal)


def results(client: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"{SERVICE}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["d"]["results"]
    return found


def with_token(client: httpx.Client) -> httpx.Client:
    """A client whose session and CSRF token are fetched."""
    answer = client.get(f"{SERVICE}/", headers={"x-csrf-token": "Fetch"})
    client.headers["x-csrf-token"] = answer.headers["x-csrf-token"]
    return client
