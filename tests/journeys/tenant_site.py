"""A gateway for two tenants with routes of the test's own, reached at an address per tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import DEMO_PASSWORD, Tenant
from app.landscape.xsuaa_client import OAuthClient
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import TIMEOUT, Person
from tests.support.ports import free_port

PATTERN = {"TENANT_HOST_PATTERN": r"^(.*)\.localhost"}


@dataclass(frozen=True)
class TenantSite:
    """What a journey meets."""

    landscape: Landscape
    gateway: Gateway

    @property
    def application_url(self) -> str:
        """The address without a tenant."""
        return f"http://localhost:{self.gateway.port}"

    def url(self, subdomain: str) -> str:
        """A tenant's address."""
        return f"http://{subdomain}.localhost:{self.gateway.port}"

    def person(self, tenant: str, user: str = "", path: str = "/user-api/currentUser") -> Person:
        """A new person at a tenant's address, logged in as a user if one is named."""
        person = Person(self.url(tenant))
        if user:
            assert person.login(user, path).status_code == 200
        return person

    def technical_token(self, tenant: Tenant, client: OAuthClient) -> str:
        """A token that another application gets for itself."""
        return self._token(tenant, client, {"grant_type": "client_credentials"})

    def user_token(self, tenant: Tenant, user: str) -> str:
        """A token that another application has for a user, and that is good for ours."""
        form = {"grant_type": "password", "username": user, "password": DEMO_PASSWORD}
        return self._token(tenant, self.landscape.instances.app.client, form)

    def _token(self, tenant: Tenant, client: OAuthClient, form: Mapping[str, str]) -> str:
        answer = requests.post(
            f"{self.landscape.xsuaa.tenant_url(tenant)}/oauth/token",
            data={**form, "client_id": client.client_id, "client_secret": client.secret},
            timeout=TIMEOUT,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@contextmanager
def tenant_site(folder: Path, xs_app: Mapping[str, Any], **environment: str) -> Iterator[TenantSite]:
    """A running site with this xs-app.json."""
    (folder / "xs-app.json").write_text(json.dumps(xs_app))
    port = free_port()
    with running_landscape(Landscape(shared=True)) as landscape:
        joined = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | PATTERN | environment
        with running_gateway(folder, joined, port=port, health="ready") as gateway:
            yield TenantSite(landscape, gateway)
