"""S/4HANA Cloud over real sockets: bearer and Basic, OData V4, ETags, CSRF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from app.landscape.faults import Fault, Faults
from app.landscape.journal import Journal, Station
from app.landscape.s4_cloud import SERVICE, WHO_AM_I, S4Cloud
from tests.landscape_systems.support import beside, validate


@dataclass(frozen=True)
class System:
    """A running system."""

    station: S4Cloud
    journal: Journal
    faults: Faults

    def client(self, token: str = "alice") -> httpx.Client:
        base = f"http://127.0.0.1:{self.station.port}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=10)


@pytest.fixture
def system() -> Iterator[System]:
    journal, faults = Journal(), Faults()
    station = S4Cloud(validate=validate, journal=journal, faults=faults, users={"COMM": "pässword"})
    with beside(station):
        yield System(station, journal, faults)


def with_token(client: httpx.Client) -> httpx.Client:
    """Fetch session and CSRF token."""
    answer = client.get(f"{SERVICE}/", headers={"x-csrf-token": "fetch"})
    client.headers["x-csrf-token"] = answer.headers["x-csrf-token"]
    return client


def values(client: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"{SERVICE}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    return found


def test_user_comes_from_bearer_or_basic_and_nobody_is_refused(system: System) -> None:
    with system.client() as client:
        assert client.get(WHO_AM_I).json() == {"user": "alice@acme.example", "by": "bearer-user"}
    with system.client("tech") as client:
        assert client.get(WHO_AM_I).json()["by"] == "bearer-application"
    with system.client("forged") as client:
        refused = client.get(WHO_AM_I)
        assert (refused.status_code, refused.headers.get_list("www-authenticate")[0]) == (401, "Bearer")
    with system.client("") as client:
        assert client.get(WHO_AM_I).status_code == 401
        basic = httpx.BasicAuth("COMM", "pässword".encode())
        assert client.get(WHO_AM_I, auth=basic).json() == {"user": "COMM", "by": "basic"}
        assert client.get(WHO_AM_I, auth=("COMM", "wrong")).status_code == 401
    assert system.journal.entries(station=Station.S4_CLOUD)[0].principal == "alice@acme.example"


def test_metadata_describes_types_and_navigations(system: System) -> None:
    with system.client() as client:
        tree = ElementTree.fromstring(client.get(f"{SERVICE}/$metadata").content)
        names = {item.get("Name") for item in tree.iter("{http://docs.oasis-open.org/odata/ns/edm}EntitySet")}
        assert names == {"Products", "SalesOrders", "SalesOrderItems"}
        document = client.get(f"{SERVICE}/").json()
        assert [item["url"] for item in document["value"]] == ["Products", "SalesOrders", "SalesOrderItems"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"$filter": "contains(Name,'Ergo') and Price lt 100"}, ["HT-1063"]),
        ({"$filter": "ChangedAt lt 2026-02-01T00:00:00Z and endswith(Name,'15')"}, ["HT-1000"]),
        ({"$orderby": "Stock desc", "$top": "2", "$skip": "1"}, ["HT-1030", "HT-1000"]),
    ],
)
def test_query_options(system: System, query: dict[str, str], expected: list[str]) -> None:
    with system.client() as client:
        assert [item["ProductID"] for item in values(client, "Products", **query)] == expected


def test_count_select_expand_and_properties(system: System) -> None:
    with system.client() as client:
        data = client.get(f"{SERVICE}/Products?$count=true&$top=1&$select=Name").json()
        assert data["@odata.count"] == 6
        assert set(data["value"][0]) == {"@odata.etag", "Name"}
        query = "$expand=Items($select=Position;$expand=Product($select=Name))"
        order = client.get(f"{SERVICE}/SalesOrders('5000001')?{query}").json()
        assert order["Items"][1]["Product"]["Name"] == "Ergonomic Keyboard"
        assert "Quantity" not in order["Items"][1]
        assert client.get(f"{SERVICE}/Products('HT-1063')/Price").json()["value"] == 14.0
        assert client.get(f"{SERVICE}/Products('HT-1063')/Price/$value").text == "14.00"
        assert client.get(f"{SERVICE}/SalesOrders('5000001')/Items/$count").text == "2"


@pytest.mark.parametrize(
    "path",
    ["Products?$count=maybe", "Products?$expand=Nope", "SalesOrders?$expand=Items($top=1)", "Products?$filter=1"],
)
def test_options_that_mean_nothing_are_answered_400(system: System, path: str) -> None:
    with system.client() as client:
        answer = client.get(f"{SERVICE}/{path}")
        assert (answer.status_code, bool(answer.json()["error"]["message"])) == (400, True)


def test_change_needs_csrf_token_and_current_etag(system: System) -> None:
    path = f"{SERVICE}/Products('HT-1000')"
    with system.client() as client:
        refused = client.patch(path, json={"Stock": 1})
        assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
        with_token(client)
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"if-none-match": etag}).status_code == 304
        assert client.patch(path, json={"Stock": 1}).status_code == 428
        assert client.patch(path, json={"Stock": 1}, headers={"if-match": etag}).status_code == 204
        assert client.patch(path, json={"Stock": 2}, headers={"if-match": etag}).status_code == 412
        wanted = {"if-match": "*", "prefer": "return=representation"}
        changed = client.patch(path, json={"Price": 1.25}, headers=wanted).json()
        assert (changed["Price"], changed["Stock"], changed["ChangedBy"]) == (1.25, 1, "alice@acme.example")


def test_life_of_an_entity(system: System) -> None:
    with system.client() as client:
        with_token(client)
        created = client.post(f"{SERVICE}/SalesOrders", json={"Customer": "Cloud"})
        assert (created.status_code, created.json()["CreatedBy"]) == (201, "alice@acme.example")
        path = created.headers["location"]
        item = client.post(f"{path}/Items", json={"Position": "000010", "ProductID": "HT-1063"})
        assert item.status_code == 201
        assert client.put(path, json={"Status": "Open"}, headers={"if-match": "*"}).status_code == 204
        assert client.get(path).json()["Customer"] is None
        assert client.delete(path, headers={"if-match": "*"}).status_code == 204
        assert client.get(path).status_code == 404
        assert client.delete(f"{SERVICE}/Products", headers={"if-match": "*"}).status_code == 405


def batched(client: httpx.Client, *parts: str, **headers: str) -> httpx.Response:
    """The answer to a `$batch` of requests and changesets."""
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    kind = {"content-type": "multipart/mixed; boundary=b"}
    return client.post(f"{SERVICE}/$batch", content=body, headers=kind | headers)


def single(line: str, content_id: str = "", body: str = "") -> str:
    """A part with one request."""
    name = f"Content-ID:{content_id}\r\n" if content_id else ""
    headers = "If-Match: *\r\nContent-Type: application/json\r\n" if body else ""
    return f"Content-Type: application/http\r\n{name}\r\n{line} HTTP/1.1\r\n{headers}\r\n{body}"


def changeset(*parts: str) -> str:
    inner = "".join(f"--c\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{inner}--c--\r\n"


def test_batch_with_a_changeset(system: System) -> None:
    stock = changeset(single("PATCH Products('HT-1000')", "0.0", '{"Stock": 5}'))
    with system.client() as client:
        with_token(client)
        answer = batched(client, stock, single("GET Products('HT-1000')/Stock"))
        assert (answer.status_code, answer.headers["odata-version"]) == (200, "4.0")
        part = answer.text.partition("Content-Type: application/http\r\n")[2]
        assert "Content-ID: 0.0\r\n" in part.partition("\r\n\r\n")[0]
        assert answer.text.index("HTTP/1.1 204") < answer.text.index('"value": 5')


def test_batch_stops_at_a_failure_unless_told_otherwise(system: System) -> None:
    lost = changeset(
        single("PATCH Products('HT-1000')", "0.0", '{"Stock": 5}'), single("PATCH Products('gone')", "1.0", "{}")
    )
    read = single("GET Products('HT-1000')/Stock")
    with system.client() as client:
        with_token(client)
        stopped = batched(client, lost, read).text
        assert ("HTTP/1.1 404" in stopped, "HTTP/1.1 200" in stopped) == (True, False)
        went_on = batched(client, lost, read, prefer="odata.continue-on-error").text
        assert ("HTTP/1.1 404" in went_on, '"value": 32' in went_on) == (True, True)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("Products('HT-1063')", '"Price": "14.00"'),
        ("Products('HT-1063')/Price", '"value": "14.00"'),
        ("SalesOrders('5000001')?$expand=Items", '"NetAmount": "28.00"'),
    ],
)
def test_decimals_are_texts_for_who_asks(system: System, path: str, shown: str) -> None:
    kind = "application/json;odata.metadata=minimal;IEEE754Compatible=true"
    with system.client() as client:
        answer = client.get(f"{SERVICE}/{path}", headers={"accept": kind})
        assert (answer.headers["content-type"], shown in answer.text) == (kind, True)


def test_system_can_be_broken(system: System) -> None:
    system.faults.switch_on(Fault.SERVER_ERROR, "s4-cloud")
    with system.client() as client:
        assert client.get(WHO_AM_I).status_code == 503
