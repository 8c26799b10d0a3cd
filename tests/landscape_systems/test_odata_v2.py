"""S/4HANA on-premise over real sockets: who is seen, CSRF, reading, changing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.landscape.journal import Station
from app.landscape.s4_onpremise import PUBLIC_PING, SERVICE, WHO_AM_I
from app.landscape.user_certificate import UserCertificates
from tests.landscape_systems.onpremise_support import ALICE, BOB, System, results, running_system, with_token


@pytest.fixture
def system() -> Iterator[System]:
    with running_system() as running:
        yield running


# -- who is asking


def test_nobody_is_answered_401_and_the_ping_wants_nobody(system: System) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{system.station.port}", trust_env=False) as client:
        answer = client.get(f"{SERVICE}/Products")
        assert (answer.status_code, answer.headers["www-authenticate"][:5]) == (401, "Basic")
        assert client.get(PUBLIC_PING).text == "pong"


@pytest.mark.parametrize("value", ["forged", "", UserCertificates("Another").header_for(ALICE)])
def test_certificate_that_is_not_of_the_trusted_issuer_is_nobody(system: System, value: str) -> None:
    with system.client(SSL_CLIENT_CERT=value) as client:
        assert client.get(WHO_AM_I).status_code == 401


def test_user_comes_from_the_certificate_or_from_basic(system: System) -> None:
    with system.client() as client:
        assert client.get(WHO_AM_I).json()["user"] == ALICE
        assert client.get(WHO_AM_I, auth=("RFCUSER", "secret"), headers={"SSL_CLIENT_CERT": ""}).status_code == 200
        assert client.get(WHO_AM_I, auth=("RFCUSER", "wrong"), headers={"SSL_CLIENT_CERT": ""}).status_code == 401
    assert [entry.principal for entry in system.journal.entries(station=Station.S4_ONPREMISE)] == [ALICE, "RFCUSER", ""]


def test_sap_client_is_taken_from_query_before_header_and_echoed(system: System) -> None:
    with system.client() as client:
        assert client.get(f"{SERVICE}/").headers["sap-client"] == "100"
        assert client.get(f"{SERVICE}/", headers={"sap-client": "200"}).headers["sap-client"] == "200"
        answer = client.get(f"{SERVICE}/?sap-client=300", headers={"sap-client": "200"})
        assert answer.headers["sap-client"] == "300"


# -- CSRF and sessions


def test_change_needs_a_token_of_its_own_session(system: System) -> None:
    with system.client() as client, system.client(BOB) as other:
        path = f"{SERVICE}/Products('HT-1000')"
        refused = client.patch(path, json={"Stock": 1})
        assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
        with_token(client)
        assert client.patch(path, json={"Stock": 1}).status_code == 204
        with_token(other)
        stolen = {"x-csrf-token": client.headers["x-csrf-token"]}
        assert other.patch(path, json={"Stock": 2}, headers=stolen).status_code == 403


def test_session_of_another_user_does_not_count(system: System) -> None:
    with system.client() as client:
        with_token(client)
        bob = {"SSL_CLIENT_CERT": system.certificates.header_for(BOB)}
        assert client.patch(f"{SERVICE}/Products('HT-1000')", json={"Stock": 1}, headers=bob).status_code == 403


def test_session_cookie_is_set_once_and_ends_with_the_browser(system: System) -> None:
    with system.client() as client:
        first = client.get(f"{SERVICE}/").headers.get_list("set-cookie")
        assert first[0].startswith("SAP_SESSIONID_S4H_100=")
        assert "expires" not in first[0].lower()
        assert client.get(f"{SERVICE}/").headers.get_list("set-cookie") == []


# -- reading


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"$top": "2"}, ["HT-1000", "HT-1010"]),
        ({"$skip": "4"}, ["HT-1063", "HT-1107"]),
        ({"$orderby": "Price desc", "$top": "1"}, ["HT-1010"]),
        ({"$orderby": "Category,Stock desc", "$top": "2"}, ["HT-1063", "HT-1107"]),
        ({"$filter": "Price gt 900M and Category eq 'Notebooks'"}, ["HT-1000", "HT-1010"]),
        ({"$filter": "Stock le 9 or startswith(Name,'Laser')"}, ["HT-1010", "HT-1040", "HT-1107"]),
        ({"$filter": "substringof('Ergo', Name) eq true"}, ["HT-1030", "HT-1063"]),
        ({"$filter": "not (Stock gt 0)"}, ["HT-1107"]),
        ({"$filter": "Price lt 20 and (Stock ne 1)"}, ["HT-1063"]),
        ({"$filter": "ChangedAt ge datetime'2026-01-06T00:00:00'"}, []),
        ({"$filter": "length(ProductID) eq 7 and tolower(Category) eq 'printers'"}, ["HT-1040"]),
    ],
)
def test_query_options(system: System, query: dict[str, str], expected: list[str]) -> None:
    with system.client() as client:
        assert [item["ProductID"] for item in results(client, "Products", **query)] == expected


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "Nonsense eq 1"},
        {"$filter": "Stock eq"},
        {"$filter": "Stock eq 'x'"},
        {"$filter": "(" * 60 + "Stock eq 1" + ")" * 60},
        {"$filter": "Stock eq 1)"},
        {"$filter": "Stock # 1"},
        {"$filter": "Stock"},
        {"$top": "-1"},
        {"$orderby": "Nope"},
        {"$expand": "Nope"},
        {"$select": "Nope"},
        {"$inlinecount": "some"},
    ],
)
def test_options_that_mean_nothing_are_answered_400_in_gateways_shape(system: System, query: dict[str, str]) -> None:
    with system.client() as client:
        answer = client.get(f"{SERVICE}/Products", params=query)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]["lang"] == "en"


def test_counts_select_and_values(system: System) -> None:
    with system.client() as client:
        data = client.get(f"{SERVICE}/Products?$inlinecount=allpages&$top=1&$select=Name").json()["d"]
        assert data["__count"] == "6"
        assert set(data["results"][0]) == {"__metadata", "Name"}
        assert client.get(f"{SERVICE}/Products/$count").text == "6"
        assert client.get(f"{SERVICE}/Products('HT-1000')/Name/$value").text == "Notebook Basic 15"
        assert client.get(f"{SERVICE}/Products('HT-1000')/Price").json() == {"d": {"Price": "956.00"}}


def test_navigation_and_expand(system: System) -> None:
    with system.client() as client:
        items = results(client, "SalesOrders('5000001')/Items")
        assert [item["Position"] for item in items] == ["000010", "000020"]
        order = client.get(f"{SERVICE}/SalesOrders('5000001')?$expand=Items/Product").json()["d"]
        assert [item["Product"]["Name"] for item in order["Items"]["results"]] == [
            "Notebook Basic 15",
            "Ergonomic Keyboard",
        ]
        assert "__deferred" in order["Items"]["results"][0]["Order"]
        path = f"{SERVICE}/SalesOrders('5000001')/Items(SalesOrderID='5000001',Position='000020')/Product"
        assert client.get(path).json()["d"]["ProductID"] == "HT-1063"
        assert client.get(path.replace("SalesOrders('5000001')", "SalesOrders('5000002')")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Nothing", 404),
        ("Products('nope')", 404),
        ("Products(1)", 400),
        ("Products('HT-1000')/Nope", 404),
        ("Products/Name", 400),
        ("SalesOrderItems('5000001')", 400),
    ],
)
def test_paths_that_lead_nowhere(system: System, path: str, status: int) -> None:
    with system.client() as client:
        assert client.get(f"{SERVICE}/{path}").status_code == status


def test_xml_is_the_default_format(system: System) -> None:
    with system.client(Accept="*/*") as client:
        feed = client.get(f"{SERVICE}/SalesOrders?$expand=Items&$inlinecount=allpages")
        assert feed.headers["content-type"].startswith("application/atom+xml")
        assert "<m:count>3</m:count>" in feed.text
        assert "Talpa O'Brien" in feed.text
        assert "<m:inline><feed" in feed.text
        assert "<code>" in client.get(f"{SERVICE}/Nope").text
        assert 'href="Products"' in client.get(f"{SERVICE}/").text
        assert client.get(f"{SERVICE}/Products?$format=json").json()["d"]["results"]


# -- changing


def test_life_of_an_entity_with_deep_insert(system: System) -> None:
    with system.client() as client:
        with_token(client)
        body = {"Customer": "New & Co", "Items": [{"Position": "000010", "ProductID": "HT-1063", "Quantity": 3}]}
        created = client.post(f"{SERVICE}/SalesOrders", json=body)
        assert created.status_code == 201
        entity = created.json()["d"]
        assert (entity["CreatedBy"], entity["Items"]["results"][0]["Quantity"]) == (ALICE, 3)
        path = created.headers["location"]
        assert client.put(path, json={"Customer": "Replaced"}).status_code == 204
        changed = client.get(path).json()["d"]
        assert (changed["Customer"], changed["Status"], changed["CreatedBy"]) == ("Replaced", None, ALICE)
        assert client.request("MERGE", path, json={"NetAmount": "12.5"}).status_code == 204
        assert client.get(path).json()["d"]["NetAmount"] == "12.50"
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404
        assert results(client, "SalesOrderItems", **{"$filter": f"SalesOrderID eq '{entity['SalesOrderID']}'"}) == []


@pytest.mark.parametrize(
    "body", [{"Nope": 1}, {"Stock": "many"}, {"Stock": True}, {"Price": "NaN"}, {"Name": "x" * 81}, {"Price": "dear"}]
)
def test_values_that_do_not_fit_are_refused(system: System, body: dict[str, Any]) -> None:
    with system.client() as client:
        with_token(client)
        assert client.patch(f"{SERVICE}/Products('HT-1000')", json=body).status_code == 400


def test_bodies_that_are_no_json_objects_are_refused(system: System) -> None:
    with system.client() as client:
        with_token(client)
        path = f"{SERVICE}/Products"
        assert client.post(path, content=b"{", headers={"content-type": "application/json"}).status_code == 400
        assert client.post(path, json=[1]).status_code == 400
        assert client.post(path, content=b"<entry/>", headers={"content-type": "application/xml"}).status_code == 415
        assert client.post(path, json={"Name": "no key"}).status_code == 400
        assert client.post(path, json={"ProductID": "HT-1000"}).status_code == 400
