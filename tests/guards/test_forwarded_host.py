"""x-forwarded-host is a host name."""

from __future__ import annotations

import pytest

from app.errors import Failure, GatewayError
from app.guards.forwarded_host import check_forwarded_host
from app.request_head import RequestHead


def head(*values: str) -> RequestHead:
    return RequestHead("GET", "/", [(b"x-forwarded-host", value.encode("latin-1")) for value in values])


@pytest.mark.parametrize(
    "values", [(), ("shop-1.example.com",), ("a_b.c:8443",), ("one.example, two.example",), ("a." * 126 + "a",)]
)
def test_host_names_pass(values: tuple[str, ...]) -> None:
    check_forwarded_host(head(*values))


@pytest.mark.parametrize(
    "value",
    [
        "shop<script>",
        "a..b",
        "",
        "a b",
        "a/b",
        "a@b",
        "a:",
        "a:b",
        "[::1]",
        "a" * 64,
        "a." * 127 + "a",
        "a,",
        "\xe4.de",
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(GatewayError) as refused:
        check_forwarded_host(head("fine.example", value))
    assert refused.value.failure is Failure.BAD_REQUEST
