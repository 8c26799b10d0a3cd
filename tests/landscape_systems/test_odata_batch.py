"""OData V2 as SAP's own client pyodata speaks it, and `$batch`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pyodata
import pytest

from app.landscape.s4_onpremise import SERVICE
from tests.landscape_systems.onpremise_support import ALICE, System, results, running_system, with_token


@pytest.fixture
def system() -> Iterator[System]:
    with running_system() as running:
        yield running


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
