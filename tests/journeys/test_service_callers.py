"""Other applications and callers with passwords, in two tenants: each seen as who it is, none beyond its tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from app.landscape.demo_destinations import CLOUD_PASSWORD, CLOUD_USER
from app.landscape.users import ACME, DEMO_PASSWORD, GLOBEX
from tests.journeys.person import TIMEOUT
from tests.journeys.tenant_site import TenantSite, tenant_site

ANNA, GINA = "anna.arnold@acme.example", "gina.gomez@globex.example"
XS_APP = {
    "routes": [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/service/(.*)$", "target": "/$1", "destination": "microservice"},
        {"source": "^/onpremise/(.*)$", "target": "/$1", "destination": "s4-onpremise"},
        {"source": "^/where/(.*)$", "target": "/$1", "destination": "where"},
        {"source": "^/local/(.*)$", "target": "/$1", "destination": "where", "preferLocal": True},
        {"source": "^/basic/(.*)$", "target": "/$1", "destination": "microservice", "authenticationType": "basic"},
        {"source": "^/public/(.*)$", "target": "/$1", "destination": "microservice", "authenticationType": "none"},
    ]
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantSite]:
    with tenant_site(tmp_path_factory.mktemp("callers"), XS_APP) as running:
        define_where(running)
        yield running


def define_where(site: TenantSite) -> None:
    """A destination that both tenants have: the provider's leads to the microservice, the subscriber's to the cloud."""
    landscape = site.landscape
    core = {"Name": "where", "Type": "HTTP", "ProxyType": "Internet"}
    microservice = {"URL": f"http://127.0.0.1:{landscape.microservice.port}", "HTML5.ForwardAuthToken": "true"}
    landscape.define_destination({**core, **microservice, "Authentication": "NoAuthentication"}, ACME)
    cloud = {"URL": f"http://127.0.0.1:{landscape.s4_cloud.port}/sap/bc/rest", "User": CLOUD_USER}
    password = {"Authentication": "BasicAuthentication", "Password": CLOUD_PASSWORD}
    landscape.define_destination({**core, **cloud, **password}, GLOBEX)


def call(site: TenantSite, tenant: str, path: str, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, site.url(tenant) + path, headers=named, timeout=TIMEOUT, allow_redirects=False)


def basic(user: str) -> Any:
    return requests.auth.HTTPBasicAuth(user, DEMO_PASSWORD)


def test_an_application_is_seen_as_itself(site: TenantSite) -> None:
    client = site.landscape.instances.provisioning.client
    for tenant in (ACME, GLOBEX):
        bearer = f"Bearer {site.technical_token(tenant, client)}"
        seen = call(site, tenant.subdomain, "/service/whoami", x_approuter_authorization=bearer).json()
        assert (seen["user"], seen["zid"]) == (client.client_id, tenant.zone_id)
        me = call(site, tenant.subdomain, "/user-api/currentUser", x_approuter_authorization=bearer).json()
        assert (me["name"], me["email"]) == (client.client_id, "")


def test_an_application_is_no_user(site: TenantSite) -> None:
    bearer = f"Bearer {site.technical_token(ACME, site.landscape.instances.provisioning.client)}"
    refused = call(site, "acme", "/onpremise/sap/bc/rest/whoami", x_approuter_authorization=bearer)
    assert refused.status_code == 502
    assert "needs a logged-in user" in refused.json()["detail"]


def test_attack_56_a_services_token_is_worth_nothing_at_another_tenants_address(site: TenantSite) -> None:
    """Attack 56: token of tenant A on the host of tenant B, users' and technical ones, directly and to be exchanged."""
    technical = site.technical_token(ACME, site.landscape.instances.provisioning.client)
    user = site.user_token(ACME, "anna")
    for token in (technical, user):
        bearer = f"Bearer {token}"
        assert call(site, "globex", "/service/whoami", x_approuter_authorization=bearer).status_code == 403
    assert call(site, "globex", "/service/whoami", x_approuter_access_token=user).status_code == 403
    assert call(site, "acme", "/service/whoami", x_approuter_access_token=user).json()["user"] == ANNA


def test_a_services_changes_need_no_csrf_token(site: TenantSite) -> None:
    bearer = f"Bearer {site.user_token(GLOBEX, 'gina')}"
    assert call(site, "globex", "/service/echo", "POST", x_approuter_authorization=bearer).status_code == 200


def test_attack_63_a_password_callers_changes_need_the_token_it_fetched(site: TenantSite) -> None:
    """Attack 63: browsers send Basic credentials by themselves, so these changes need a token like a session's."""
    url = site.url("acme") + "/basic"
    assert requests.post(f"{url}/echo", auth=basic("anna"), timeout=TIMEOUT).headers["x-csrf-token"] == "Required"
    fetched = requests.get(f"{url}/whoami", auth=basic("anna"), headers={"x-csrf-token": "fetch"}, timeout=TIMEOUT)
    assert fetched.json()["user"] == ANNA
    shown = {"x-csrf-token": fetched.headers["x-csrf-token"], "content-type": "text/plain"}
    changed = requests.post(f"{url}/echo", auth=basic("anna"), headers=shown, data=b"new", timeout=TIMEOUT)
    assert (changed.status_code, changed.content) == (200, b"new")
    foreign = requests.post(f"{url}/echo", auth=basic("bob"), headers=shown, data=b"new", timeout=TIMEOUT)
    assert foreign.status_code == 403


def test_a_tenants_own_destination_goes_before_the_providers_unless_the_route_says_local(site: TenantSite) -> None:
    gina, anna = site.person("globex", "gina"), site.person("acme", "anna")
    for _ in range(2):
        assert gina.get("/where/whoami").json()["user"] == "COMM_USER"
        assert gina.get("/local/whoami").json()["user"] == GINA
        assert anna.get("/where/whoami").json()["user"] == ANNA
        assert anna.get("/local/whoami").json()["user"] == ANNA


def test_an_unknown_subscriber_is_told_so(site: TenantSite) -> None:
    for _ in range(2):
        answer = call(site, "nobody", "/public/whoami")
        assert answer.status_code == 404
        assert answer.json()["title"] == "Unknown subscriber"


@pytest.mark.parametrize("host", ["acme.globex.localhost", "a..localhost", "acme%2e.localhost", "-a.localhost"])
def test_a_tenant_is_one_dns_label(site: TenantSite, host: str) -> None:
    answer = requests.get(
        f"{site.application_url}/service/whoami", headers={"host": host}, timeout=TIMEOUT, allow_redirects=False
    )
    assert answer.status_code == 400
