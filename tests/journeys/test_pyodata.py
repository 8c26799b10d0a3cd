"""SAP's own OData client through the gateway: the on-premise service with principal propagation."""

from __future__ import annotations

import pyodata
import pytest

from tests.journeys.conftest import Site
from tests.journeys.person import Person

SERVICE = "/onpremise/sap/opu/odata/sap/ZSHOP_SRV"
ANNA = "anna.arnold@acme.example"


def with_token(person: Person) -> Person:
    """A person whose session holds the service's CSRF token."""
    answer = person.head(f"{SERVICE}/", headers={"x-csrf-token": "Fetch"})
    person.headers["x-csrf-token"] = answer.headers["x-csrf-token"]
    return person


@pytest.fixture
def client(site: Site) -> pyodata.Client:
    return pyodata.Client(f"{site.gateway.url}{SERVICE}", with_token(site.person("anna")))


def test_the_metadata_are_understood(client: pyodata.Client) -> None:
    names = {each.name for each in client.schema.entity_sets}
    assert {"Products", "SalesOrders", "SalesOrderItems"} <= names


def test_queries_arrive_unchanged(client: pyodata.Client) -> None:
    query = client.entity_sets.Products.get_entities().filter("Category eq 'Notebooks'").order_by("Price desc")
    assert [row.ProductID for row in query.top(1).execute()] == ["HT-1010"]
    order = client.entity_sets.SalesOrders.get_entity("5000003").expand("Items").execute()
    assert (order.Customer, len(order.Items)) == ("Talpa O'Brien", 3)
    assert client.entity_sets.Products.get_entities().count().execute() == 6


def test_an_order_is_created_changed_and_deleted_as_the_user(client: pyodata.Client) -> None:
    orders = client.entity_sets.SalesOrders
    created = orders.create_entity().set(Customer="Panorama Studios", Status="Open", Currency="EUR").execute()
    assert created.CreatedBy == ANNA
    orders.update_entity(created.SalesOrderID).set(Status="Shipped").execute()
    changed = orders.get_entity(created.SalesOrderID).execute()
    assert (changed.Status, changed.ChangedBy) == ("Shipped", ANNA)
    orders.delete_entity(created.SalesOrderID).execute()
    with pytest.raises(pyodata.exceptions.HttpError) as gone:
        orders.get_entity(created.SalesOrderID).execute()
    assert gone.value.response.status_code == 404


def test_without_the_token_nothing_is_changed(site: Site) -> None:
    client = pyodata.Client(f"{site.gateway.url}{SERVICE}", site.person("anna"))
    with pytest.raises(pyodata.exceptions.HttpError) as refused:
        client.entity_sets.Products.update_entity("HT-1000").set(Stock=0).execute()
    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["x-csrf-token"] == "Required"


def test_a_batch_reads_and_changes_in_one_request(client: pyodata.Client) -> None:
    batch = client.create_batch()
    batch.add_request(client.entity_sets.Products.get_entity("HT-1030"))
    changes = client.create_changeset()
    changes.add_request(client.entity_sets.Products.update_entity("HT-1030").set(Stock=113))
    batch.add_request(changes)
    batch.add_request(client.entity_sets.Products.get_entity("HT-1030"))
    before, _, after = batch.execute()
    assert (before.Stock, after.Stock, after.ChangedBy) == (114, 113, ANNA)
