"""A tenant subscribes: the registry calls back, and the people of the tenant find the application where it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import requests

from app.landscape.journal import Station
from app.landscape.saas_registry import DEPENDENCIES_PATH, TENANTS_PATH
from app.landscape.users import ACME, GLOBEX
from tests.journeys.person import TIMEOUT
from tests.journeys.tenant_site import TenantSite, tenant_site

XS_APP = {
    "routes": [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/callback/(.*)$", "target": "/$1", "destination": "microservice", "authenticationType": "none"},
    ]
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantSite]:
    with tenant_site(tmp_path_factory.mktemp("subscriptions"), XS_APP) as running:
        yield running


def test_a_tenant_subscribes_uses_the_application_and_leaves(site: TenantSite) -> None:
    registry = site.landscape.saas_registry
    subscription = asyncio.run(registry.subscribe(GLOBEX, site.application_url))
    assert subscription.url == site.url("globex")
    instances = site.landscape.instances
    assert subscription.dependencies == (instances.destination.client.app_name, instances.connectivity.client.app_name)
    gina = site.person("globex", "gina")
    assert gina.get("/user-api/currentUser").json()["email"] == "gina.gomez@globex.example"
    asyncio.run(registry.unsubscribe(GLOBEX, site.application_url))
    assert registry.subscriptions == {}
    kinds = [e.kind for e in site.landscape.journal.entries() if e.station is Station.SAAS_REGISTRY]
    assert kinds == ["subscribed", "unsubscribed"]


def callback(site: TenantSite, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"{site.url('acme')}{TENANTS_PATH}/{GLOBEX.zone_id}"
    return requests.delete(url, headers=headers, timeout=TIMEOUT).status_code


def test_only_who_was_granted_the_scope_may_call_back(site: TenantSite) -> None:
    instances = site.landscape.instances
    assert callback(site, "") == 401
    assert callback(site, "junk") == 401
    assert callback(site, site.user_token(ACME, "dora")) == 401
    assert callback(site, site.technical_token(ACME, instances.app.client)) in (401, 403)
    assert callback(site, site.technical_token(GLOBEX, instances.provisioning.client)) == 403
    assert callback(site, site.technical_token(ACME, instances.provisioning.client)) == 200
    assert requests.get(site.url("acme") + DEPENDENCIES_PATH, timeout=TIMEOUT).status_code == 401


def test_other_addresses_below_the_callbacks_are_ordinary(site: TenantSite) -> None:
    answer = requests.get(f"{site.url('acme')}/callback/v1.0/other", timeout=TIMEOUT)
    assert answer.text == "No token"
