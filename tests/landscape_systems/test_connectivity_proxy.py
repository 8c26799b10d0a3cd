"""The connectivity proxy over real sockets: forms, tokens, refusals, and one tunnel per connection."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.landscape.cloud_connector import CloudConnector
from app.landscape.faults import Fault
from app.landscape.journal import Station
from app.landscape.user_certificate import CertificateReader
from app.landscape.virtual_host import VirtualHost
from tests.landscape_systems.support import Landscape, bearer, landscape, raw_exchange

URL = "http://erp:8080/sap/x?a=1%20b"


def ask(test: Callable[[Landscape, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with landscape() as stations, stations.client() as client:
            await test(stations, client)

    asyncio.run(run())


def seen_headers(answer: httpx.Response) -> dict[str, str]:
    return {str(name): str(value) for name, value in answer.json()["headers"]}


def test_request_reaches_the_backend_unchanged_but_for_the_connectivity_headers() -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        headers = bearer(**{"X-Own": "1", "SSL_CLIENT_CERT": "forged", "SSL-Client-Cert": "forged"})
        answer = await client.get(URL, headers=headers)
        seen = answer.json()
        assert (answer.status_code, seen["path"], seen["query"]) == (200, "/sap/x", "a=1%20b")
        headers = seen_headers(answer)
        assert headers["host"] == "erp:8080"
        assert headers["x-own"] == "1"
        assert headers["ssl_client_cert"] == ""
        assert not [name for name in headers if name.startswith(("proxy-", "sap-connectivity")) or name[3:4] == "-"]

    ask(test)


def test_internal_addresses_are_replaced_in_location_and_cookie() -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        answer = await client.get(URL, headers=bearer())
        assert answer.headers["location"] == "http://erp:8080/next"
        assert answer.headers["set-cookie"] == "sid=1; Domain=erp; Path=/"

    ask(test)


def test_internal_host_header_comes_with_the_virtual_one_forwarded() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        stations.connector.expose(VirtualHost("own", 80, "127.0.0.1", stations.backend_port, internal_host_header=True))
        headers = seen_headers(await client.get("http://own/x", headers=bearer()))
        assert (headers["host"], headers["x-forwarded-host"]) == (f"127.0.0.1:{stations.backend_port}", "own:80")

    ask(test)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Missing or empty header: proxy-authorization"),
        ({"Proxy-Authorization": "Bearer"}, "Missing or empty header: proxy-authorization"),
        ({"Proxy-Authorization": "Basic " + base64.b64encode(b":").decode()}, "Missing or empty header"),
        (bearer("unknown"), "Invalid token"),
        (bearer("tech-foreign-client"), "Invalid token"),
    ],
)
def test_407_without_a_proxy_token_that_is_valid_and_for_connectivity(headers: dict[str, str], text: str) -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        answer = await client.get(URL, headers=headers)
        assert answer.status_code == 407
        assert text in answer.text
        assert not stations.proxy.violations

    ask(test)


def test_proxy_token_may_come_as_basic_user() -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        basic = "Basic " + base64.b64encode(b"tech:").decode()
        assert (await client.get(URL, headers={"Proxy-Authorization": basic})).status_code == 200

    ask(test)


@pytest.mark.parametrize(
    ("first_line", "status"),
    [
        ("CONNECT erp:8080 HTTP/1.1", b"405"),
        ("GET https://erp:8080/sap HTTP/1.1", b"405"),
        ("GET /sap/x HTTP/1.1", b"400"),
        ("OPTIONS * HTTP/1.1", b"400"),
        ("GET ftp://erp:8080/sap HTTP/1.1", b"400"),
        ("GET http://u@erp:8080/sap HTTP/1.1", b"400"),
        ("GET http://erp:99999/sap HTTP/1.1", b"400"),
        ("GET http:///sap HTTP/1.1", b"400"),
        ("GET http://erp:8080/sap#x HTTP/1.1", b"400"),
        ("GET http://erp:8080/sap HTTP/2.0", b"400"),
        ("GET http://erp:8080/" + "x" * 8192 + " HTTP/1.1", b"414"),
    ],
)
def test_only_the_absolute_form_with_http_is_taken(first_line: str, status: bytes) -> None:
    async def test(stations: Landscape, _: httpx.AsyncClient) -> None:
        head = f"{first_line}\r\nHost: erp:8080\r\nProxy-Authorization: Bearer tech\r\n\r\n"
        answer = await raw_exchange(stations.proxy.port, head.encode())
        assert answer.split(b" ")[1] == status

    ask(test)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("X-Long: " + "x" * 8200, b"431"),
        ("Host: crm:8080", b"400"),
        ("Proxy-Authorization: Bearer alice-exchanged", b"400"),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", b"400"),
        ("Content-Length: 1\r\nContent-Length: 1", b"400"),
        ("Content-Length: +1", b"400"),
        ("Transfer-Encoding: xchunked", b"400"),
        ("X-Space : 1", b"400"),
        (" folded", b"400"),
        ("X-Bare: a\nb: c", b"400"),
        ("X-Nul: \x00", b"400"),
    ],
)
def test_heads_that_are_too_long_or_can_be_read_two_ways_end_the_connection(lines: str, status: bytes) -> None:
    async def test(stations: Landscape, _: httpx.AsyncClient) -> None:
        head = f"GET {URL} HTTP/1.1\r\nHost: erp:8080\r\nProxy-Authorization: Bearer tech\r\n{lines}\r\n\r\n"
        answer = await raw_exchange(stations.proxy.port, head.encode() + b"GET /smuggled HTTP/1.1\r\n\r\n")
        assert answer.split(b" ")[1] == status
        assert answer.count(b"HTTP/1.1 ") == 1
        assert not stations.journal.entries(station=Station.CLOUD_CONNECTOR)

    ask(test)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://erp:8080/exact/", "Access denied to resource /exact/ on system erp:8080"),
        ("http://erp:8080/SAP/x", "Access denied to resource /SAP/x on system erp:8080"),
        ("http://erp:8080/sa?p=/sap", "Access denied to resource /sa?p=/sap on system erp:8080"),
        ("http://erp:8080/sap/%2e%2e/secret", "Access denied to resource"),
        ("http://unknown:8080/sap", "Access denied to system unknown:8080"),
        ("http://erp:8081/sap", "Access denied to system erp:8081"),
    ],
)
def test_403_for_what_is_not_exposed(url: str, text: str) -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        answer = await client.get(url, headers=bearer())
        assert answer.status_code == 403
        assert text in answer.text

    ask(test)


def test_access_control_is_a_string_prefix() -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        assert (await client.get("http://erp:8080/sap-plus", headers=bearer())).status_code == 200
        assert (await client.get("http://erp:8080/exact?q=1", headers=bearer())).status_code == 200

    ask(test)


def test_503_without_a_cloud_connector_for_tenant_and_location_id() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        location = bearer(**{"SAP-Connectivity-SCC-Location_ID": "eu"})
        for headers in (location, bearer("tech-other-tenant")):
            answer = await client.get(URL, headers=headers)
            assert answer.status_code == 503
            assert answer.text.startswith("There is no SAP Cloud Connector (SCC) connected to your subaccount matching")
        stations.proxy.connect(CloudConnector("acme", [stations.connector._hosts["erp:8080"]], location_id="eu"))
        assert (await client.get(URL, headers=location)).status_code == 200
        stations.faults.switch_on(Fault.NO_CLOUD_CONNECTOR, "eu")
        assert (await client.get(URL, headers=location)).status_code == 503

    ask(test)


def test_503_when_the_backend_is_not_reachable() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        stations.connector.expose(VirtualHost("gone", 80, "127.0.0.1", 1))
        answer = await client.get("http://gone/x", headers=bearer())
        assert (answer.status_code, "gone:80" in answer.text) == (503, True)

    ask(test)


USER = "SAP-Connectivity-Authentication"
TECHNICAL = "SAP-Connectivity-Technical-Authentication"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (bearer(**{USER: "Bearer alice"}), "alice@acme.example"),
        (bearer("alice-exchanged"), "alice@acme.example"),
        (bearer(**{TECHNICAL: "Bearer tech-foreign-client"}), "sb-shop!t1"),
    ],
)
def test_principal_reaches_the_backend_as_a_certificate(headers: dict[str, str], name: str) -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        sent = seen_headers(await client.get(URL, headers=headers))["ssl_client_cert"]
        assert CertificateReader(stations.certificates.certificate).user_of(sent) == name
        assert seen_headers(await client.get(URL, headers=headers))["ssl_client_cert"] == sent
        assert stations.journal.entries(station=Station.CLOUD_CONNECTOR)[-1].principal == name

    ask(test)


@pytest.mark.parametrize(
    ("value", "status"), [("Bearer unknown", 403), ("Bearer mallory", 403), ("Bearer long-name", 403), ("alice", 400)]
)
def test_principal_that_cannot_be_propagated_is_refused(value: str, status: int) -> None:
    async def test(_: Landscape, client: httpx.AsyncClient) -> None:
        assert (await client.get(URL, headers=bearer(**{USER: value}))).status_code == status

    ask(test)


@pytest.mark.parametrize(
    ("url", "headers", "part", "status"),
    [
        (URL, bearer("tech-other-tenant"), "tenant", 400),
        (URL, bearer(**{"SAP-Connectivity-SCC-Location_ID": "eu"}), "location-id", 400),
        ("http://crm:8080/sap/x", bearer(**{USER: "Bearer alice"}), "virtual-host", 403),
        (URL, bearer(**{USER: "Bearer bob"}), "principal", 403),
        (URL, bearer(), "principal", 403),
    ],
)
def test_connection_is_bound_to_what_it_first_carried(
    url: str, headers: dict[str, str], part: str, status: int
) -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        hosts = [stations.connector._hosts[name] for name in ("erp:8080", "crm:8080")]
        stations.proxy.connect(CloudConnector("umbrella", hosts))
        stations.proxy.connect(CloudConnector("acme", hosts, location_id="eu"))
        own = bearer(**{USER: "Bearer alice"})
        assert (await client.get(URL, headers=own)).status_code == 200
        answer = await client.get(URL, headers=headers, extensions={"target": url.encode()})
        assert answer.status_code == status
        assert [(violation.connection, violation.part) for violation in stations.proxy.violations] == [(1, part)]
        assert (await client.get(URL, headers=own)).status_code == 200
        assert stations.proxy.connections_opened == 1

    ask(test)


def test_variants_of_the_same_user_may_share_a_connection() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        await client.get(URL, headers=bearer("alice-exchanged"))
        assert (await client.get(URL, headers=bearer(**{USER: "Bearer alice"}))).status_code == 200
        assert stations.proxy.violations == []

    ask(test)


def test_counters_tell_connections_and_requests() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        for _ in range(3):
            await client.get(URL, headers=bearer())
        async with stations.client() as second:
            await second.get(URL, headers=bearer())
        assert (stations.proxy.requests, stations.proxy.connections_opened) == (4, 2)
        assert stations.proxy.requests_per_connection == [3, 1]

    ask(test)


def test_refused_request_with_a_body_is_answered_and_the_connection_goes_on() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        assert (await client.post(URL, content=b"x" * 300_000)).status_code == 407
        assert (await client.post(URL, content=b"x" * 300_000, headers=bearer())).json()["size"] == 300_000
        assert stations.proxy.connections_opened == 1

    ask(test)


def test_faults_make_the_proxy_slow_or_broken() -> None:
    async def test(stations: Landscape, client: httpx.AsyncClient) -> None:
        stations.faults.switch_on(Fault.SLOW, "connectivity-proxy")
        assert (await client.get(URL, headers=bearer())).status_code == 200
        stations.faults.switch_on(Fault.SERVER_ERROR, "connectivity-proxy")
        assert (await client.get(URL, headers=bearer())).status_code == 503

    ask(test)
