"""The landscape as a whole: one start, one VCAP_SERVICES, and every way of the demo works with it alone."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.landscape.faults import Fault, Faults
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.server import loopback_socket
from app.landscape.users import ACME, DEMO_PASSWORD, GLOBEX, Tenant
from tests.landscape_platform.support import claims_of, web


class Application:
    """What a gateway would do, by hand, from the bindings alone."""

    def __init__(self, services: dict[str, Any], client: httpx.AsyncClient) -> None:
        self._credentials = {label: entries[0]["credentials"] for label, entries in services.items()}
        self._client = client

    async def token(self, label: str, tenant: Tenant, **form: str) -> str:
        """A token for a bound service."""
        credentials = self._credentials[label]
        url = credentials["url"].replace("acme", tenant.subdomain) + "/oauth/token"
        auth = (credentials["clientid"], credentials["clientsecret"])
        answer = await self._client.post(url, data={"grant_type": "client_credentials", **form}, auth=auth)
        return str(answer.json()["access_token"])

    async def user(self, login: str, tenant: Tenant) -> str:
        """A user's token for the application."""
        return await self.token("xsuaa", tenant, grant_type="password", username=login, password=DEMO_PASSWORD)

    async def find(self, name: str, user: str, tenant: Tenant) -> dict[str, Any]:
        """A destination of a tenant, for a user."""
        uri = self._credentials["destination"]["uri"]
        answer = await self._client.get(
            f"{uri}/destination-configuration/v1/destinations/{name}",
            headers={"authorization": f"Bearer {await self.token('destination', tenant)}", "x-user-token": user},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def call_on_premise(self, path: str, user: str, tenant: Tenant) -> tuple[int, bytes]:
        """A call through the connectivity proxy as a user."""
        found = (await self.find("s4-onpremise", user, tenant))["destinationConfiguration"]
        connectivity = self._credentials["connectivity"]
        head = (
            f"GET {found['URL']}{path} HTTP/1.1\r\nHost: {found['URL'].removeprefix('http://')}\r\n"
            f"Proxy-Authorization: Bearer {await self.token('connectivity', tenant)}\r\n"
            f"SAP-Connectivity-Authentication: Bearer {user}\r\n"
            f"SAP-Connectivity-SCC-Location_ID: {found['CloudConnectorLocationId']}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(
            connectivity["onpremise_proxy_host"], int(connectivity["onpremise_proxy_http_port"])
        )
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(("login", "tenant"), [("anna", ACME), ("bob", ACME), ("gina", GLOBEX)])
def test_each_tenants_users_reach_the_system_on_premise_as_themselves(login: str, tenant: Tenant) -> None:
    async def run() -> None:
        async with Landscape(shared=True) as landscape, web() as client:
            application = Application(landscape.vcap_services(), client)
            user = await application.user(login, tenant)
            status, body = await application.call_on_premise("/sap/bc/rest/whoami", user, tenant)
            assert status == 200
            assert json.loads(body)["user"] == claims_of(user)["email"]
            status, body = await application.call_on_premise("/sap/bc/secret", user, tenant)
            assert (status, body[:13]) == (403, b"Access denied")
            assert landscape.proxy.violations == []

    asyncio.run(run())


def test_the_microservice_believes_the_applications_token_alone() -> None:
    async def run() -> None:
        async with Landscape() as landscape, web() as client:
            application = Application(landscape.vcap_services(), client)
            user = await application.user("bob", ACME)
            found = (await application.find("microservice", user, ACME))["destinationConfiguration"]
            assert found["HTML5.ForwardAuthToken"] == "true"
            answer = await client.get(f"{found['URL']}/whoami", headers={"authorization": f"Bearer {user}"})
            assert "bob.berger@acme.example" in answer.text
            other = await application.token("destination", ACME)
            answer = await client.get(f"{found['URL']}/whoami", headers={"authorization": f"Bearer {other}"})
            assert answer.status_code == 401

    asyncio.run(run())


@pytest.mark.parametrize("tenant", [ACME, GLOBEX])
def test_the_cloud_system_is_reached_with_the_token_the_destination_service_got(tenant: Tenant) -> None:
    async def run() -> None:
        async with Landscape() as landscape, web() as client:
            application = Application(landscape.vcap_services(), client)
            user = await application.user("anna", tenant)
            for name, seen in (("s4-cloud", "anna.arnold@acme.example"), ("s4-cloud-basic", "COMM_USER")):
                found = await application.find(name, user, tenant)
                header = found["authTokens"][0]["http_header"]
                answer = await client.get(
                    f"{found['destinationConfiguration']['URL']}/sap/bc/rest/whoami",
                    headers={header["key"]: header["value"]},
                )
                assert answer.json()["user"] == seen

    asyncio.run(run())


def test_the_bindings_have_the_shape_of_the_platform() -> None:
    with running_landscape() as landscape:
        services = landscape.vcap_services()
        for label in ("xsuaa", "destination", "connectivity"):
            (entry,) = services[label]
            assert (entry["label"], entry["name"]) == (label, entry["instance_name"])
            credentials = entry["credentials"]
            assert credentials["clientid"] == f"sb-{credentials['xsappname']}"
            assert credentials["url"] == f"http://acme.{credentials['uaadomain']}"
            assert credentials["identityzone"] == "acme"
            assert credentials["verificationkey"].startswith("-----BEGIN PUBLIC KEY-----")
            assert credentials["clientsecret"]
        connectivity = services["connectivity"][0]["credentials"]
        assert connectivity["onpremise_proxy_http_port"] == str(landscape.proxy.port)
        assert connectivity["token_service_url"] == connectivity["url"]
        environment = landscape.environment("http://localhost:4711")
        assert json.loads(environment["VCAP_SERVICES"]) == services
        assert json.loads(environment["VCAP_APPLICATION"])["uris"] == ["localhost:4711"]


def test_the_secrets_of_two_landscapes_differ() -> None:
    first, second = Landscape(), Landscape()
    assert first.instances.app.client.secret != second.instances.app.client.secret


def test_bindings_may_be_x509_and_xsuaa_then_speaks_tls() -> None:
    async def run() -> None:
        async with Landscape(x509=True) as landscape:
            credentials = landscape.vcap_services()["destination"][0]["credentials"]
            assert "clientsecret" not in credentials
            assert credentials["credential-type"] == "x509"
            assert credentials["certurl"].startswith("https://acme.cert.localhost:")
            pair = landscape.instances.destination.pair
            assert pair is not None
            assert credentials["key"] == pair.key_pem
            async with web(landscape.authority.client_context(pair)) as client:
                answer = await client.post(
                    f"{credentials['certurl']}/oauth/token",
                    data={"grant_type": "client_credentials", "client_id": credentials["clientid"]},
                )
                bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
                url = f"{credentials['uri']}/destination-configuration/v1/destinations/s4-cloud-basic"
                assert (await client.get(url, headers=bearer)).status_code == 200

    asyncio.run(run())


def test_a_landscape_in_a_thread_ends_with_its_block_and_frees_its_ports() -> None:
    threads = threading.active_count()
    with running_landscape() as landscape:
        ports = [landscape.proxy.port, landscape.s4_onpremise.port]
        assert httpx.get(f"{landscape.control.url}/journal").json() == []
    for port in ports:
        loopback_socket(port).close()
    assert threading.active_count() == threads


def test_a_landscape_that_cannot_start_says_so_to_the_caller() -> None:
    class Broken(Landscape):
        async def start(self) -> None:
            raise OSError("no port left")

    with pytest.raises(OSError, match="no port left"), running_landscape(Broken()):
        pass


def test_the_journal_tells_the_hops_of_one_call_in_order() -> None:
    async def run() -> None:
        async with Landscape() as landscape, web() as client:
            application = Application(landscape.vcap_services(), client)
            user = await application.user("anna", ACME)
            await application.call_on_premise("/sap/bc/rest/whoami", user, ACME)
            entries = (await client.get(f"{landscape.control.url}/journal?since=1")).json()
            seen = {entry["station"]: entry["principal"] for entry in entries}
            assert list(seen)[:3] == ["xsuaa", "destination-service", "connectivity-proxy"]
            anna = "anna.arnold@acme.example"
            assert [seen[hop] for hop in ("connectivity-proxy", "cloud-connector", "s4-onpremise")] == [anna] * 3
            assert [entry["sequence"] for entry in entries] == list(range(2, 2 + len(entries)))
            assert user not in json.dumps(entries)

    asyncio.run(run())


def test_faults_are_switched_over_http_and_felt() -> None:
    async def run() -> None:
        async with Landscape() as landscape, web() as client:
            application = Application(landscape.vcap_services(), client)
            user = await application.user("anna", ACME)
            url = f"{landscape.control.url}/faults/no-cloud-connector"
            assert (await client.put(url)).json() == {"no-cloud-connector": ["*"]}
            assert (await application.call_on_premise("/sap/public/ping", user, ACME))[0] == 503
            assert (await client.delete(url)).json() == {}
            assert (await application.call_on_premise("/sap/public/ping", user, ACME))[0] == 200
            assert (await client.put(f"{landscape.control.url}/faults/unheard-of")).status_code == 404
            assert (await client.get(f"{landscape.control.url}/faults")).json() == {}

    asyncio.run(run())


def test_the_control_port_gives_nothing_to_pages_of_other_origins() -> None:
    with running_landscape() as landscape:
        answer = httpx.get(f"{landscape.control.url}/journal", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        preflight = httpx.options(
            f"{landscape.control.url}/faults/slow",
            headers={"origin": "https://evil.example", "access-control-request-method": "PUT"},
        )
        assert preflight.status_code == 405
        assert httpx.get(f"{landscape.control.url}/journal?since=x").status_code == 400


def test_a_slow_station_answers_all_the_same_but_late() -> None:
    with running_landscape(Landscape(faults=Faults(slow_seconds=0.2))) as landscape:
        landscape.faults.switch_on(Fault.SLOW, "xsuaa")
        answer = httpx.get(f"http://127.0.0.1:{urlsplit(landscape.xsuaa.url).port}/token_keys")
        assert answer.status_code == 200
        assert answer.elapsed.total_seconds() >= 0.2
