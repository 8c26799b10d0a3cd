"""S/4HANA on-premise over real sockets: with plain HTTP, and with SAP's own client pyodata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pyodata
import pytest

from app.landscape.faults import Faults
from app.landscape.journal import Journal, Station
from app.landscape.s4_onpremise import PUBLIC_PING, SERVICE, WHO_AM_I, S4OnPremise
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


@pytest.fixture
def system() -> Iterator[System]:
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


# -- pyodata


class Requests:
    """What pyodata wants of `requests`, on httpx."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self._client.get(url, **more)

    def request(self, method: str, url: str, *, headers: Any, params: str, data: Any) -> httpx.Response:
        target = f"{url}?{params}" if params else url
        content = data.encode() if isinstance(data, str) else data
        return self._client.request(method, target, headers=headers, content=content)


def service_of(client: httpx.Client) -> Any:
    return pyodata.Client(f"{client.base_url}{SERVICE}".replace("//sap", "/sap"), Requests(client))


def test_pyodata_reads_metadata_and_entities(system: System) -> None:
    with system.client() as client:
        service = service_of(client)
        assert {item.name for item in service.schema.entity_sets} == {"Products", "SalesOrders", "SalesOrderItems"}
        products = service.entity_sets.Products.get_entities()
        found = products.filter(products.Category == "Notebooks").order_by("Price desc").count(inline=True).execute()
        assert [item.ProductID for item in found] == ["HT-1010", "HT-1000"]
        assert found.total_count == 2
        order = service.entity_sets.SalesOrders.get_entity("5000001").expand("Items").execute()
        assert [item.ProductID for item in order.Items] == ["HT-1000", "HT-1063"]
        assert order.CreatedAt.year == 2026
        assert service.entity_sets.Products.get_entities().count().execute() == 6
        items = service.entity_sets.SalesOrders.get_entity("5000001").nav("Items").get_entities().execute()
        assert len(items) == 2


def test_pyodata_creates_changes_and_deletes(system: System) -> None:
    with system.client() as client:
        with_token(client)
        orders = service_of(client).entity_sets.SalesOrders
        created = orders.create_entity().set(Customer="Pyodata", NetAmount=1.5).execute()
        assert (created.Customer, created.CreatedBy) == ("Pyodata", ALICE)
        orders.update_entity(created.SalesOrderID).set(Status="Shipped").execute()
        assert orders.get_entity(created.SalesOrderID).execute().Status == "Shipped"
        orders.delete_entity(created.SalesOrderID).execute()
        with pytest.raises(pyodata.exceptions.HttpError):
            orders.get_entity(created.SalesOrderID).execute()


def test_pyodata_sends_a_batch_with_a_changeset(system: System) -> None:
    with system.client() as client:
        with_token(client)
        service = service_of(client)
        batch, changeset = service.create_batch(), service.create_changeset()
        changeset.add_request(service.entity_sets.SalesOrders.create_entity().set(Customer="In a batch"))
        changeset.add_request(service.entity_sets.Products.update_entity("HT-1000").set(Stock=77))
        batch.add_request(changeset)
        batch.add_request(service.entity_sets.Products.get_entity("HT-1000"))
        (created, _), product = batch.execute()
        assert (created.Customer, product.Stock) == ("In a batch", 77)


def test_changeset_is_all_or_nothing(system: System) -> None:
    with system.client() as client:
        with_token(client)
        service = service_of(client)
        batch, changeset = service.create_batch(), service.create_changeset()
        changeset.add_request(service.entity_sets.Products.update_entity("HT-1000").set(Stock=77))
        changeset.add_request(service.entity_sets.Products.update_entity("gone").set(Stock=77))
        batch.add_request(changeset)
        with pytest.raises(pyodata.exceptions.HttpError):
            batch.execute()
        assert service.entity_sets.Products.get_entity("HT-1000").execute().Stock == 32


def test_later_request_of_a_changeset_refers_to_an_earlier_one(system: System) -> None:
    with system.client() as client:
        with_token(client)
        body = (
            "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
            "--c\r\nContent-Type: application/http\r\nContent-ID: new\r\n\r\n"
            "POST SalesOrders HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
            '{"Customer": "Referred"}\r\n'
            "--c\r\nContent-Type: application/http\r\n\r\n"
            "POST $new/Items HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
            '{"Position": "000010", "ProductID": "HT-1063"}\r\n--c--\r\n'
            "--b\r\nContent-Type: application/http\r\n\r\n"
            f"GET {SERVICE}/SalesOrders/$count HTTP/1.1\r\n\r\n\r\n--b--\r\n"
        )
        headers = {"content-type": "multipart/mixed; boundary=b"}
        answer = client.post(f"{SERVICE}/$batch", content=body, headers=headers)
        assert answer.status_code == 202
        assert answer.text.count("HTTP/1.1 201 Created") == 2
        assert answer.text.rstrip().rpartition("\r\n--")[0].endswith("4")
        order = results(client, "SalesOrders", **{"$filter": "Customer eq 'Referred'", "$expand": "Items"})[0]
        assert [item["ProductID"] for item in order["Items"]["results"]] == ["HT-1063"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", ""),
        ("multipart/mixed", ""),
        ("multipart/mixed; boundary=b", "--b\r\n"),
        ("multipart/mixed; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--"),
        ("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--b--"),
        ("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nGET /etc HTTP/1.1\r\n\r\n--b--"),
    ],
)
def test_malformed_batches_are_answered_400(system: System, content_type: str, body: str) -> None:
    with system.client() as client:
        with_token(client)
        answer = client.post(f"{SERVICE}/$batch", content=body, headers={"content-type": content_type})
        assert answer.status_code == 400
