"""The shop both S/4HANA systems serve: products, sales orders and their items, with the rows they start with."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from app.landscape.odata_schema import Edm, EntityType, Navigation, Property, Row, Schema

_PRODUCT = EntityType(
    name="Product",
    set_name="Products",
    keys=("ProductID",),
    properties=(
        Property("ProductID", max_length=10),
        Property("Name", max_length=80),
        Property("Category", max_length=40),
        Property("Price", Edm.DECIMAL),
        Property("Currency", max_length=5),
        Property("Stock", Edm.INT32),
        Property("ChangedBy", max_length=80),
        Property("ChangedAt", Edm.TIMESTAMP),
    ),
)
_ORDER = EntityType(
    name="SalesOrder",
    set_name="SalesOrders",
    keys=("SalesOrderID",),
    generated_key=True,
    properties=(
        Property("SalesOrderID", max_length=10),
        Property("Customer", max_length=80),
        Property("Status", max_length=20),
        Property("NetAmount", Edm.DECIMAL),
        Property("Currency", max_length=5),
        Property("CreatedBy", max_length=80),
        Property("CreatedAt", Edm.TIMESTAMP),
        Property("ChangedBy", max_length=80),
        Property("ChangedAt", Edm.TIMESTAMP),
    ),
    navigations=(Navigation("Items", "SalesOrderItems", (("SalesOrderID", "SalesOrderID"),), many=True),),
)
_ITEM = EntityType(
    name="SalesOrderItem",
    set_name="SalesOrderItems",
    keys=("SalesOrderID", "Position"),
    properties=(
        Property("SalesOrderID", max_length=10),
        Property("Position", max_length=6),
        Property("ProductID", max_length=10),
        Property("Quantity", Edm.INT32),
        Property("NetAmount", Edm.DECIMAL),
    ),
    navigations=(
        Navigation("Product", "Products", (("ProductID", "ProductID"),)),
        Navigation("Order", "SalesOrders", (("SalesOrderID", "SalesOrderID"),)),
    ),
)

_STARTED = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
_PRODUCTS = [
    ("HT-1000", "Notebook Basic 15", "Notebooks", "956.00", 32),
    ("HT-1010", "Notebook Professional 17", "Notebooks", "1999.00", 9),
    ("HT-1030", "Ergo Screen E-I", "Monitors", "230.00", 114),
    ("HT-1040", "Laser Professional Eco", "Printers", "830.00", 17),
    ("HT-1063", "Ergonomic Keyboard", "Accessories", "14.00", 240),
    ("HT-1107", "Flat XXL Loudspeaker", "Accessories", "140.00", 0),
]
_ORDERS = [
    ("5000001", "Becker Berlin", "Open", [("HT-1000", 2), ("HT-1063", 2)]),
    ("5000002", "DelBont Industries", "Shipped", [("HT-1030", 10)]),
    ("5000003", "Talpa O'Brien", "Open", [("HT-1010", 1), ("HT-1040", 1), ("HT-1107", 4)]),
]


def shop_schema(namespace: str) -> Schema:
    """The entity types below a namespace."""
    return Schema(namespace, (_PRODUCT, _ORDER, _ITEM))


def shop_rows(author: str) -> dict[str, list[Row]]:
    """Fresh rows, all of them by this author."""
    return {
        "Products": [_product(*values, author) for values in _PRODUCTS],
        "SalesOrders": [_order(number, customer, status, items, author) for number, customer, status, items in _ORDERS],
        "SalesOrderItems": [item for number, _, _, items in _ORDERS for item in _items(number, items)],
    }


def _product(number: str, name: str, category: str, price: str, stock: int, author: str) -> Row:
    return {
        "ProductID": number,
        "Name": name,
        "Category": category,
        "Price": Decimal(price),
        "Currency": "EUR",
        "Stock": stock,
        "ChangedBy": author,
        "ChangedAt": _STARTED,
    }


def _order(number: str, customer: str, status: str, items: list[tuple[str, int]], author: str) -> Row:
    return {
        "SalesOrderID": number,
        "Customer": customer,
        "Status": status,
        "NetAmount": sum((_price(product) * quantity for product, quantity in items), Decimal("0.00")),
        "Currency": "EUR",
        "CreatedBy": author,
        "CreatedAt": _STARTED,
        "ChangedBy": author,
        "ChangedAt": _STARTED,
    }


def _items(number: str, items: list[tuple[str, int]]) -> list[Row]:
    return [
        {
            "SalesOrderID": number,
            "Position": f"{position * 10:06}",
            "ProductID": product,
            "Quantity": quantity,
            "NetAmount": _price(product) * quantity,
        }
        for position, (product, quantity) in enumerate(items, start=1)
    ]


def _price(product: str) -> Decimal:
    return next(Decimal(price) for number, _, _, price, _ in _PRODUCTS if number == product)
