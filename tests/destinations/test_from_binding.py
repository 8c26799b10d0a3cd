"""Endpoints of business services as destinations."""

from __future__ import annotations

from typing import Any

import pytest

from app.bindings.business_service import BusinessService
from app.destinations.destination import Destination
from app.destinations.from_binding import service_destination
from app.errors import Failure, GatewayError
from app.transport.pool_key import ClientCertificate, TlsIdentity

UAA = {"clientid": "sb-c", "clientsecret": "s", "url": "https://acme.uaa.example"}


def destination(endpoint: str = "", **change: Any) -> Destination:
    credentials = {"sap.cloud.service": "com.c", "endpoints": {"a": "https://a.example/odata/"}, "uaa": UAA, **change}
    return service_destination(BusinessService.model_validate(credentials), endpoint)


def test_an_endpoint_is_a_destination_with_the_bindings_headers() -> None:
    found = destination("a", **{"URL.headers.X-Api-Key": "k", "endpoints": {"a": {"url": "http://a", "timeout": 700}}})
    assert (found.url.host_and_port, found.timeout, found.defaults) == ("a:80", 0.7, ((b"x-api-key", b"k"),))
    assert (found.credentials, found.dynamic, found.forward_auth_token) == ((), False, False)
    assert destination("a").url.path == "/odata"


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        ({"url": "https://url"}, "url"),
        ({"uri": "https://uri"}, "uri"),
        ({"url": "https://url", "uri": "https://uri"}, "url"),
    ],
)
def test_without_endpoint_the_service_has_one_address(addresses: dict[str, str], host: str) -> None:
    assert destination(**addresses).url.host == host


def test_no_destination_can_have_the_name_of_a_service() -> None:
    assert destination("a").name == "service com.c"


def test_mutual_tls_shows_the_bindings_certificate() -> None:
    found = destination("a", grant_type="mtls", cert="chain", key="key")
    assert found.tls == TlsIdentity(client=ClientCertificate("chain", "key"))
    assert destination("a").tls == TlsIdentity()


@pytest.mark.parametrize(
    ("endpoint", "change", "reason"),
    [
        ("b", {}, "no endpoint 'b'"),
        ("", {}, "has to name an endpoint"),
        ("a", {"endpoints": {"a": "ftp://a"}}, "its address does not begin with"),
        (
            "a",
            {"endpoints": {"a": "http://a"}, "grant_type": "mtls", "cert": "c", "key": "k"},
            "https:// with grant_type",
        ),
        ("a", {"URL.headers.host": "evil"}, "is a header that only the router sets"),
        ("a", {"URL.headers.x": "a\r\nb: c"}, "has a control character"),
    ],
)
def test_what_cannot_be_used_is_named(endpoint: str, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(GatewayError, match=r"Service 'com\.c'") as caught:
        destination(endpoint, **change)
    assert caught.value.failure is Failure.SERVICE_UNUSABLE
    assert reason in caught.value.detail
